import { expect, test } from "bun:test";
import { parseDaemonFile } from "./daemon_file.ts";

const refused = (text: string) => {
  try {
    parseDaemonFile(text, "/d.json");
    return "accepted";
  } catch (error) {
    return (error as Error).message;
  }
};

test("takes what people write", () => {
  const text = `{"bip":"10.1.0.1/24","log-opts":{"max-size":"1m"},"live-restore":true,
    "runtimes":{"crun":{"path":"/usr/bin/crun"}},
    "default-ulimits":{"nofile":{"Name":"nofile","Soft":1,"Hard":2}}}`;
  expect(parseDaemonFile(text, "/d.json").bip).toBe("10.1.0.1/24");
  expect(parseDaemonFile(" \n", "/d.json")).toEqual({});
});

test("names what it does not take", () => {
  expect(refused(`{"nonsense":1,"bip":"x"}`)).toContain(
    "the following directives don't match any configuration option: nonsense",
  );
  expect(refused(`{"dns":"1.1.1.1"}`)).toContain("dns: it is no strings");
  expect(refused(`{"live-restore":false}`)).toContain("live-restore: only true is supported");
  expect(refused(`{"storage-driver":"btrfs"}`)).toContain("storage-driver: only overlay2");
  expect(refused(`[]`)).toContain("no JSON object");
  expect(refused(`{`)).toContain("/d.json");
});
