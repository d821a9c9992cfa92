import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuredCredentials } from "./docker_config.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-config-"));
const path = join(folder, "config.json");
const before = process.env["PATH"];
afterAll(() => {
  process.env["PATH"] = before;
  rmSync(folder, { recursive: true, force: true });
});

const write = (config: unknown) => writeFileSync(path, JSON.stringify(config));
const encoded = (text: string) => Buffer.from(text).toString("base64");

function helper(name: string, script: string): void {
  const file = join(folder, `docker-credential-${name}`);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  process.env["PATH"] = `${folder}:${before}`;
}

test("no file and no entry mean nobody", async () => {
  expect(await configuredCredentials("a", join(folder, "none"))).toEqual({});
  write({ auths: {} });
  expect(await configuredCredentials("a", path)).toEqual({});
});

test("entries by host, by URL, and Docker Hub's", async () => {
  write({
    auths: {
      "host:5000": { auth: encoded("me:pa:ss") },
      "https://other.example.com/v1/": { identitytoken: "token" },
      "https://index.docker.io/v1/": { username: "hub", password: "secret" },
    },
  });
  const found = (host: string) => configuredCredentials(host, path);
  expect(await found("host:5000")).toEqual({ username: "me", password: "pa:ss" });
  expect(await found("other.example.com")).toEqual({ identityToken: "token" });
  expect(await found("docker.io")).toEqual({ username: "hub", password: "secret" });
  expect(await found("host")).toEqual({});
});

test("helpers: one registry's own, the store of all, and what they may answer", async () => {
  helper("own", 'read host; echo "{\\"Username\\":\\"of $host\\",\\"Secret\\":\\"s\\"}"');
  helper("all", 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"t\\"}"');
  helper("none", "echo credentials not found in native keychain; exit 1");
  helper("bad", "echo broken; exit 2");
  write({ credHelpers: { a: "own", b: "none", c: "bad", d: "absent" }, credsStore: "all" });
  expect(await configuredCredentials("a", path)).toEqual({ username: "of a", password: "s" });
  expect(await configuredCredentials("z", path)).toEqual({ identityToken: "t" });
  expect(await configuredCredentials("b", path)).toEqual({});
  await expect(configuredCredentials("c", path)).rejects.toThrow("it ended with code 2: broken");
  await expect(configuredCredentials("d", path)).rejects.toThrow("not on PATH");
});

test("a file that is not JSON is told", async () => {
  writeFileSync(path, "{");
  await expect(configuredCredentials("a", path)).rejects.toThrow("is not JSON");
});
