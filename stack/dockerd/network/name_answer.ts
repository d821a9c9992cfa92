import { type Answer, decode, encode, type Packet, type Question } from "dns-packet";
import { addressText } from "./subnet.ts";

/** Who a container can find by name, and by address. */
export interface NameLookup {
  /** Undefined: nobody has that name, and somebody else may be asked. */
  addresses(name: string): { v4: string[]; v6: string[] } | undefined;
  /** The name of whoever has the address. */
  nameOf(address: string): string | undefined;
}

/** Seconds that an answer may be kept: dockerd's. */
const TTL_S = 600;
/** The most that a client takes over UDP unless it says more. */
const UDP_BYTES = 512;
const FLAG = {
  operation: 0x7800,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  truncated: 0x0200,
};
const SERVER_FAILURE = 2;

/** Reads a question; undefined when the message is none. */
export function readQuestion(message: Uint8Array): (Packet & { asked: Question }) | undefined {
  try {
    const packet = decode(Buffer.from(message));
    const [asked] = packet.questions ?? [];
    if (packet.type !== "query" || ((packet.flags ?? 0) & FLAG.operation) !== 0 || !asked)
      return undefined;
    return { ...packet, asked };
  } catch {
    return undefined;
  }
}

type ReadQuestion = NonNullable<ReturnType<typeof readQuestion>>;

/** The answer from the container's own networks; undefined when the name is none of theirs. */
export function ownAnswer(
  question: ReadQuestion,
  lookup: NameLookup,
  overTcp: boolean,
): Uint8Array | undefined {
  const { asked } = question;
  const answers = ownRecords(asked, lookup);
  if (!answers) return undefined;
  const whole = reply(question, shuffled(answers), 0);
  if (overTcp || whole.length <= UDP_BYTES) return whole;
  return reply(question, [], FLAG.truncated);
}

/** "The server failed": no server outside answered. */
export function failureAnswer(question: ReadQuestion): Uint8Array {
  return reply(question, [], SERVER_FAILURE);
}

function ownRecords(asked: Question, lookup: NameLookup): Answer[] | undefined {
  if (asked.class !== undefined && asked.class !== "IN") return undefined;
  const { name, type } = asked;
  if (type === "PTR") {
    const address = reverseAddress(name);
    const found = address && lookup.nameOf(address);
    return found ? [{ type: "PTR", name, ttl: TTL_S, data: found }] : undefined;
  }
  const found = lookup.addresses(name.toLowerCase().replace(/\.$/, ""));
  if (!found) return undefined;
  if (type === "A") return found.v4.map((data) => ({ type: "A", name, ttl: TTL_S, data }));
  if (type === "AAAA") return found.v6.map((data) => ({ type: "AAAA", name, ttl: TTL_S, data }));
  // The name is ours, but has nothing of that kind: the servers outside know nothing of it.
  return [];
}

/** The address that `2.0.17.172.in-addr.arpa` or its IPv6 kind asks for. */
export function reverseAddress(name: string): string | undefined {
  const lower = name.toLowerCase().replace(/\.$/, "");
  const v4 = lower.match(/^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.in-addr\.arpa$/);
  if (v4) return v4.slice(1).reverse().join(".");
  const v6 = lower.match(/^((?:[0-9a-f]\.){32})ip6\.arpa$/);
  if (!v6) return undefined;
  const hex = v6[1]!.split(".").reverse().join("");
  return addressText({ family: 6, value: BigInt(`0x${hex}`) });
}

/** Any order: clients take the first, so that a service's containers share the load. */
function shuffled(answers: Answer[]): Answer[] {
  const at = answers.length > 1 ? Math.floor(Math.random() * answers.length) : 0;
  return [...answers.slice(at), ...answers.slice(0, at)];
}

function reply(question: ReadQuestion, answers: Answer[], flags: number): Uint8Array {
  const kept = (question.flags ?? 0) & FLAG.recursionDesired;
  return encode({
    type: "response",
    id: question.id ?? 0,
    flags: kept | FLAG.recursionAvailable | flags,
    questions: question.questions ?? [],
    answers,
  });
}
