import { expect, test } from "bun:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import { ChainError } from "../errors/chain_error.ts";
import { ERROR_CODES } from "../errors/frame.ts";
import { codeNumber, codeOfNumber, errorFromStatus, statusFromError } from "./status_codec.ts";

const sample = new ChainError([
  { layer: "shim", op: "exec", code: "resource_exhausted", message: "OCI runtime exec failed" },
  {
    layer: "runc",
    op: "exec",
    code: "resource_exhausted",
    message: "exec failed",
    causeId: "pids-cgroup-full",
    cause: "the pids limit is used up",
    fix: "raise it",
    evidence: [{ kind: "cgroup", value: "pids.current 30 of pids.max 30", ref: "/sys/fs/cgroup" }],
  },
]);

test("frames cross a status unchanged", () => {
  const bytes = toBinary(StatusSchema, statusFromError(sample));
  const back = errorFromStatus(fromBinary(StatusSchema, bytes), "containerd", "exec");
  expect(back.frames).toEqual(sample.frames);
  expect(back.id).toBe(sample.id);
  expect(back.message).toBe(sample.message);
});

test("codes and numbers are each other's inverse, and gRPC's", () => {
  for (const code of ERROR_CODES) expect(codeOfNumber(codeNumber(code))).toBe(code);
  expect(codeNumber("not_found")).toBe(5);
  expect(codeNumber("unauthenticated")).toBe(16);
  expect(codeOfNumber(0)).toBe("unknown");
  expect(codeOfNumber(99)).toBe("unknown");
});

test("an id of ours in foreign text is kept, and said once", () => {
  const back = errorFromStatus(
    { code: 2, message: "exec failed: no room (catena explain abcd2345): unknown" },
    "shim",
    "exec",
  );
  expect(back.id).toBe("abcd2345");
  expect(back.message).toBe("exec failed: no room: unknown (catena explain abcd2345)");
});

test("a hostile detail is foreign text", () => {
  const value = new TextEncoder().encode('{"id":"../x","frames":[]}');
  const back = errorFromStatus(
    { code: 5, message: "gone", details: [{ typeUrl: "types.catena.dev/ChainError", value }] },
    "shim",
    "state",
  );
  expect(back.outer).toMatchObject({ layer: "shim", code: "not_found", message: "gone" });
});
