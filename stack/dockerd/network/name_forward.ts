import { createSocket } from "node:dgram";
import { connect } from "node:net";

const DNS_PORT = 53;
/** How long one server may take before the next is asked. */
const TRY_MS = 2_000;
/** Most servers that are asked for one name. */
const MAX_SERVERS = 3;
const MAX_ANSWER = 65_535;

/**
 * Asks each server in turn, over UDP or TCP as the client did, and returns the first answer to this
 * very question: a message as it lies on the wire. Undefined when none answers in time.
 */
export async function forwardQuestion(
  question: Uint8Array,
  servers: readonly string[],
  overTcp: boolean,
): Promise<Uint8Array | undefined> {
  for (const server of servers.slice(0, MAX_SERVERS)) {
    const answer = await (overTcp ? askTcp(question, server) : askUdp(question, server));
    if (answer) return answer;
  }
  return undefined;
}

const answers = (answer: Uint8Array, question: Uint8Array) =>
  answer.length >= 12 && answer[0] === question[0] && answer[1] === question[1];

function askUdp(question: Uint8Array, server: string): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    const done = (answer?: Uint8Array) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      // Closing reports what the kernel has queued: nobody needs it any more.
      socket.on("error", () => undefined);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done(), TRY_MS);
    socket.on("error", () => done());
    socket.on("message", (data, from) => {
      if (from.port === DNS_PORT && answers(data, question)) done(data);
    });
    socket.send(question, DNS_PORT, server, (error) => {
      if (error) done();
    });
  });
}

function askTcp(question: Uint8Array, server: string): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port: DNS_PORT });
    const done = (answer?: Uint8Array) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done(), TRY_MS);
    let got = Buffer.alloc(0);
    socket.on("error", () => done());
    socket.on("close", () => done());
    socket.on("data", (data: Buffer) => {
      got = Buffer.concat([got, data]);
      if (got.length > MAX_ANSWER + 2) done();
      const length = got.length >= 2 ? got.readUInt16BE(0) : MAX_ANSWER + 1;
      if (got.length < length + 2) return;
      const answer = got.subarray(2, length + 2);
      done(answers(answer, question) ? answer : undefined);
    });
    socket.write(withLength(question));
  });
}

/** A message as DNS over TCP carries it: its length first. */
export function withLength(message: Uint8Array): Buffer {
  const out = Buffer.alloc(message.length + 2);
  out.writeUInt16BE(message.length, 0);
  out.set(message, 2);
  return out;
}
