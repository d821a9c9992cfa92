import { expect, test } from "bun:test";
import { redactSecrets } from "./redact_secrets.ts";

test.each([
  ["POSTGRES_PASSWORD=hunter2 x", "hunter2"],
  ['{"identitytoken":"abc123","x":1}', "abc123"],
  ["Authorization: Bearer abcdefghijkl", "abcdefghijkl"],
  ["proxy http://joe:s3cr3t@host.example.com/", "s3cr3t"],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"],
  ["aws_secret_access_key: AKIAxyz", "AKIAxyz"],
])("%s", (text, secret) => {
  expect(redactSecrets(text)).not.toContain(secret);
});

test("what is no secret stays", () => {
  const line = 'level=error msg="read init-p: connection reset by peer" id=abc';
  expect(redactSecrets(line)).toBe(line);
});
