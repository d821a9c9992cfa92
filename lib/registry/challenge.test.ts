import { expect, test } from "bun:test";
import { parseChallenges } from "./challenge.ts";

test("a token server's challenge", () => {
  const header =
    'Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull,push"';
  expect(parseChallenges(header)).toEqual([
    {
      scheme: "bearer",
      parameters: {
        realm: "https://auth.example.com/token",
        service: "reg",
        scope: "repository:a/b:pull,push",
      },
    },
  ]);
});

test("several challenges, quotes in a value, and schemes that we cannot answer", () => {
  const header = 'Negotiate, Basic realm="a \\"b\\"", Digest realm="x", bearer realm=https://t/x';
  expect(parseChallenges(header)).toEqual([
    { scheme: "basic", parameters: { realm: 'a "b"' } },
    { scheme: "bearer", parameters: { realm: "https://t/x" } },
  ]);
});

test.each([null, "", "=,=", '"', "Basic ".repeat(2000)])("nothing of %p", (header) => {
  expect(parseChallenges(header)).toEqual([]);
});
