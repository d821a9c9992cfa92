import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endpointsOf, isLoopback } from "./registry_endpoint.ts";

const certsFolder = mkdtempSync(join(tmpdir(), "catena-certs-"));
afterAll(() => rmSync(certsFolder, { recursive: true, force: true }));

const bases = (host: string, more: object = {}, use: "pull" | "push" = "pull") =>
  endpointsOf(host, { certsFolder, ...more }, use).map(({ base }) => base);

test("docker.io is asked at its own host, after the mirrors", () => {
  const mirrors = ["https://mirror.example.com/", "http://127.0.0.1:5000"];
  expect(bases("docker.io", { mirrors })).toEqual([
    "https://mirror.example.com",
    "http://127.0.0.1:5000",
    "https://registry-1.docker.io",
  ]);
  expect(bases("docker.io", { mirrors }, "push")).toEqual(["https://registry-1.docker.io"]);
  expect(bases("other.example.com", { mirrors })).toEqual(["https://other.example.com"]);
});

test("plain HTTP is for loopback and for what was declared insecure", () => {
  expect(bases("localhost:5000")).toEqual(["https://localhost:5000", "http://localhost:5000"]);
  expect(bases("127.9.9.9:1")).toHaveLength(2);
  expect(bases("[::1]:5000")).toHaveLength(2);
  expect(bases("127.0.0.1.example.com")).toHaveLength(1);
  expect(bases("10.1.2.3:5000", { insecure: ["10.0.0.0/8"] })).toHaveLength(2);
  expect(bases("11.1.2.3:5000", { insecure: ["10.0.0.0/8"] })).toHaveLength(1);
  expect(bases("reg.example", { insecure: ["reg.example"] })).toHaveLength(2);
  expect(isLoopback("localhost.example")).toBe(false);
});

test("a loopback registry with a CA of its own is checked against it", () => {
  mkdirSync(join(certsFolder, "localhost:5001"));
  writeFileSync(join(certsFolder, "localhost:5001", "ca.crt"), "CA");
  const [tls] = endpointsOf("localhost:5001", { certsFolder }, "pull");
  expect(tls?.tls.rejectUnauthorized).toBeUndefined();
  expect(tls?.tls.ca?.[0]).toBe("CA");
  const [unchecked] = endpointsOf("localhost:5002", { certsFolder }, "pull");
  expect(unchecked?.tls).toEqual({ rejectUnauthorized: false });
});

test("a client certificate needs its key", () => {
  mkdirSync(join(certsFolder, "reg.example:1"));
  writeFileSync(join(certsFolder, "reg.example:1", "client.cert"), "C");
  expect(() => bases("reg.example:1")).toThrow("missing key client.key for client certificate");
  writeFileSync(join(certsFolder, "reg.example:1", "client.key"), "K");
  const [endpoint] = endpointsOf("reg.example:1", { certsFolder }, "pull");
  expect(endpoint?.tls).toMatchObject({ cert: "C", key: "K" });
});
