import assert from "node:assert/strict";
import type { ConformanceCase } from "../harness/case_types.ts";
import type { Trial } from "../harness/trial.ts";

/** An agent that answers every notification with this errno and prints the state that it got. */
const AGENT = `
import array, ctypes, fcntl, json, os, socket, struct, sys
path, errno = sys.argv[1], int(sys.argv[2])
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(1)
print("listening", flush=True)
link, _ = server.accept()
state, ancillary, _, _ = link.recvmsg(65536, socket.CMSG_SPACE(4))
fd = array.array("i", ancillary[0][2])[0]
print(json.dumps(json.loads(state.rstrip(b"\\0"))), flush=True)
RECV, SEND = 0xC0502100, 0xC0182101
while True:
    request = bytearray(80)
    fcntl.ioctl(fd, RECV, request)
    id = struct.unpack_from("<Q", request)[0]
    fcntl.ioctl(fd, SEND, struct.pack("<QqiI", id, 0, -errno, 0))
`;

async function startAgent(trial: Trial, errno: number) {
  const socket = trial.path("agent.sock");
  const child = Bun.spawn(["python3", "-c", AGENT, socket, String(errno)], {
    stdout: "pipe",
    stderr: "ignore",
  });
  trial.onClose(() => {
    child.kill("SIGKILL");
  });
  const reader = child.stdout.getReader();
  let text = "";
  const next = async () => {
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString("utf8");
    }
    const [line = "", ...rest] = text.split("\n");
    text = rest.join("\n");
    return line;
  };
  assert.equal(await next(), "listening");
  return { socket, next };
}

const skip = () => (Bun.which("python3") ? undefined : "python3 plays the agent");

export const notifyCases: ConformanceCase[] = [
  {
    name: "a notify listener gets the descriptor and the state",
    async run(trial) {
      const agent = await startAgent(trial, 42);
      const output = await trial.run({
        args: ["probe", "call", "135"],
        edit(config) {
          config.linux["seccomp"] = {
            defaultAction: "SCMP_ACT_ALLOW",
            architectures: ["SCMP_ARCH_X86_64"],
            listenerPath: agent.socket,
            listenerMetadata: "for the agent",
            syscalls: [{ names: ["personality"], action: "SCMP_ACT_NOTIFY" }],
          };
        },
      });
      assert.equal(output, "-1 ENOMSG");
      const state = JSON.parse(await agent.next());
      assert.deepEqual(state.fds, ["seccompFd"]);
      assert.equal(state.metadata, "for the agent");
      assert.equal(typeof state.pid, "number");
      assert.equal(typeof state.state.id, "string");
    },
    skip,
  },
  {
    name: "a notify listener that is not there is a failure",
    async run(trial) {
      await trial.refused({
        args: ["true"],
        edit(config) {
          config.linux["seccomp"] = {
            defaultAction: "SCMP_ACT_ALLOW",
            listenerPath: "/no/such/socket",
            syscalls: [{ names: ["personality"], action: "SCMP_ACT_NOTIFY" }],
          };
        },
      });
    },
  },
];
