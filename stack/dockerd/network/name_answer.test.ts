import { expect, test } from "bun:test";
import { decode, encode, type RecordType } from "dns-packet";
import { failureAnswer, type NameLookup, ownAnswer, readQuestion } from "./name_answer.ts";

const lookup: NameLookup = {
  addresses: (name) =>
    name === "db"
      ? { v4: ["172.18.0.2", "172.18.0.3"], v6: ["fd00::2"] }
      : name === "many"
        ? { v4: Array.from({ length: 60 }, (_, i) => `10.0.0.${i + 1}`), v6: [] }
        : undefined,
  nameOf: (address) => (address === "172.18.0.2" || address === "fd00::2" ? "db.net1" : undefined),
};

function ask(name: string, type: RecordType, overTcp = false) {
  const message = encode({ type: "query", id: 7, flags: 0x100, questions: [{ name, type }] });
  const answer = ownAnswer(readQuestion(message)!, lookup, overTcp);
  return answer && decode(Buffer.from(answer));
}

test("answers names of the network, and leaves others to servers outside", () => {
  const found = ask("DB", "A")!;
  expect(found.id).toBe(7);
  expect(found.answers?.map((answer) => "data" in answer && answer.data).sort()).toEqual([
    "172.18.0.2",
    "172.18.0.3",
  ]);
  expect(ask("db", "AAAA")?.answers?.length).toBe(1);
  expect(ask("db", "MX")?.answers).toEqual([]);
  expect(ask("example.org", "A")).toBeUndefined();
});

test("answers reverse questions", () => {
  const data = (name: string) => (ask(name, "PTR")?.answers?.[0] as { data?: string })?.data;
  expect(data("2.0.18.172.in-addr.arpa")).toBe("db.net1");
  const nibbles = "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f";
  expect(data(`${nibbles}.ip6.arpa`)).toBe("db.net1");
  expect(data("9.9.9.9.in-addr.arpa")).toBeUndefined();
});

test("says that an answer was cut, and reads no nonsense", () => {
  expect(ask("many", "A")?.flag_tc).toBe(true);
  expect(ask("many", "A", true)?.answers?.length).toBe(60);
  for (const bytes of [[], [1, 2, 3], [...Array(12).fill(255)], [...Array(600).fill(0)]]) {
    expect(readQuestion(Uint8Array.from(bytes))).toBeUndefined();
  }
  const question = readQuestion(
    encode({ type: "query", id: 9, questions: [{ name: "x", type: "A" }] }),
  )!;
  expect((decode(Buffer.from(failureAnswer(question))).flags ?? 0) & 15).toBe(2);
});
