import assert from "node:assert/strict";
import { waitUntil } from "../../lib/wait_until.ts";
import type { Trial } from "./trial.ts";

/** Listens, takes one message with a descriptor, and says what can be read from it. */
const PROGRAM = `
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
print("listening", flush=True)
link, _ = server.accept()
text, ancillary, _, _ = link.recvmsg(65536, socket.CMSG_SPACE(4))
fd = array.array("i", ancillary[0][2])[0]
print("message", text.decode(), os.readlink("/proc/self/fd/%d" % fd), flush=True)
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    sys.stdout.write(data.decode())
    sys.stdout.flush()
`;

/** Why this host cannot receive descriptors; undefined when it can. */
export const cannotReceive = () =>
  Bun.which("python3") ? undefined : "python3 plays the receiver of descriptors";

/** A socket of the trial's own that receives one descriptor (a terminal, a pidfd). */
export class DescriptorReceiver {
  #text = "";

  private constructor(
    readonly socket: string,
    output: ReadableStream<Uint8Array>,
  ) {
    void this.#collect(output);
  }

  static async start(trial: Trial): Promise<DescriptorReceiver> {
    const socket = trial.path("receiver.sock");
    const child = Bun.spawn(["python3", "-c", PROGRAM, socket], {
      stdout: "pipe",
      stderr: "ignore",
    });
    trial.onClose(() => {
      child.kill("SIGKILL");
    });
    const receiver = new DescriptorReceiver(socket, child.stdout);
    await receiver.shows(/listening/);
    return receiver;
  }

  async #collect(output: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of output) this.#text += decoder.decode(bytes, { stream: true });
  }

  /** Everything that came so far. */
  get text(): string {
    return this.#text;
  }

  /** Waits until what came matches. */
  async shows(pattern: RegExp): Promise<void> {
    const seen = () => (pattern.test(this.#text) ? true : undefined);
    await waitUntil(`the receiver shows ${pattern}`, seen).catch((error: Error) => {
      assert.fail(`${error.message}: ${JSON.stringify(this.#text)}`);
    });
  }
}
