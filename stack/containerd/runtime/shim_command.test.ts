import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { deleteThroughShim, startShim } from "./shim_command.ts";

const folder = mkdtempSync(join(tmpdir(), "shim-command-"));
const bundle = { namespace: "ns", id: "c1", path: folder };
const addresses = { grpc: "/run/c.sock", ttrpc: "/run/c.sock.ttrpc" };
const options = { runtimeOptions: undefined, trace: undefined, debug: false };

afterAll(() => rmSync(folder, { recursive: true }));

function shim(script: string): string {
  const path = join(folder, "shim");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

test("start is run as containerd runs it", async () => {
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  const any = { $typeName: "google.protobuf.Any", typeUrl: "x", value: new Uint8Array([7]) } as Any;
  const binary = shim('echo "$@" > args; env > env; cat > stdin; pwd > cwd; echo unix:///run/s/1');
  const address = await startShim(binary, bundle, addresses, {
    runtimeOptions: any,
    trace,
    debug: true,
  });
  expect(address).toEqual({ path: "/run/s/1", version: 2 });
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  expect(read("args")).toBe(
    `-namespace ns -address /run/c.sock -publish-binary ${process.execPath} -id c1 -debug start\n`,
  );
  expect(read("env")).toContain("TTRPC_ADDRESS=/run/c.sock.ttrpc\n");
  expect(read("env")).toContain(`TRACEPARENT=00-${trace.traceId}-${trace.spanId}-01\n`);
  expect(fromBinary(AnySchema, readFileSync(join(folder, "stdin"))).typeUrl).toBe("x");
  expect(read("cwd").trim()).toBe(folder);
});

test("what a failing shim prints is its error, and a quoted id stays the error's", async () => {
  const binary = shim("echo no pids left '(catena explain abcd2345)' >&2; exit 3");
  const error = await startShim(binary, bundle, addresses, options).catch((thrown) => thrown);
  expect(error.id).toBe("abcd2345");
  expect(error.words).toBe("no pids left");
  expect(error.evidence).toContainEqual({ kind: "exit", value: "exit status 3", ref: binary });
});

test("a shim that reads no options or prints nothing is no crash", async () => {
  const value = new Uint8Array(500_000);
  const any = { $typeName: "google.protobuf.Any", typeUrl: "x", value } as Any;
  const start = startShim(shim("exit 0"), bundle, addresses, { ...options, runtimeOptions: any });
  await expect(start).rejects.toThrow("printed no address");
  await expect(startShim("/no/such", bundle, addresses, options)).rejects.toThrow("/no/such");
});

test("delete tells how the container ended", async () => {
  // DeleteResponse{pid: 5, exit_status: 137}
  const binary = shim("printf '\\010\\005\\020\\211\\001'");
  expect(await deleteThroughShim(binary, bundle, addresses)).toMatchObject({
    pid: 5,
    exitStatus: 137,
  });
});
