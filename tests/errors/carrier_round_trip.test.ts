import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import type { ChainError } from "#lib/errors/chain_error.ts";
import { chainErrorFromJson, chainErrorToJson } from "#lib/errors/error_json.ts";
import { findErrorRecord, recordError } from "#lib/errors/error_record.ts";
import { codeNumber, errorFromStatus, statusFromError } from "#lib/rpc/status_codec.ts";
import { errorBody, errorFromReply, statusOfError } from "#wire/docker-api/errors.ts";
import { forSeeds } from "../lib/random.ts";
import { randomError } from "./random_error.ts";

const COUNT = 500;

/** Every way in which an error leaves one process and reaches another, there and back. */
const CARRIERS: Record<string, (error: ChainError) => ChainError | undefined> = {
  "google.rpc.Status (gRPC and ttrpc)": (error) => {
    const bytes = toBinary(StatusSchema, statusFromError(error));
    return errorFromStatus(fromBinary(StatusSchema, bytes), "shim", "exec");
  },
  "the Docker API's body": (error) =>
    errorFromReply(statusOfError(error), JSON.stringify(errorBody(error)), "exec"),
  "a JSON line (runc's log)": (error) =>
    chainErrorFromJson(JSON.parse(JSON.stringify(chainErrorToJson(error)))),
};

for (const [name, carry] of Object.entries(CARRIERS)) {
  test(`an error crosses ${name} unchanged`, () =>
    forSeeds(COUNT, (random) => {
      const error = randomError(random);
      expectSame(carry(error), error);
    }));
}

test("an error crosses all carriers in any order unchanged", () =>
  forSeeds(COUNT, (random) => {
    const error = randomError(random);
    let now: ChainError | undefined = error;
    for (let hop = 0; hop < 6; hop++) now = random.pick(Object.values(CARRIERS))(now!);
    expectSame(now, error);
  }));

test("a recorded error is found by its id unchanged", async () => {
  const state = mkdtempSync(join(tmpdir(), "catest-records-"));
  try {
    await forSeeds(50, (random) => {
      const error = randomError(random);
      recordError(state, error);
      expectSame(findErrorRecord(state, error.id)?.error, error);
    });
  } finally {
    rmSync(state, { recursive: true });
  }
});

test("bytes of anybody are refused or read, never trusted", () =>
  forSeeds(COUNT, (random) => {
    const text = JSON.stringify(chainErrorToJson(randomError(random)));
    const torn = text.slice(0, random.below(text.length));
    const at = random.below(text.length);
    const bent = text.slice(0, at) + random.pick(["0", "null", "}", '"', "["]) + text.slice(at + 1);
    for (const body of [torn, bent, `{"chain":${bent}}`]) {
      expect(errorFromReply(500, body, "exec").message).toBeString();
      const detail = {
        typeUrl: "types.catena.dev/ChainError",
        value: new TextEncoder().encode(body),
      };
      const status = { code: codeNumber("internal"), message: body, details: [detail] };
      expect(errorFromStatus(status, "shim", "exec").message).toBeString();
    }
  }));

function expectSame(got: ChainError | undefined, sent: ChainError): void {
  expect(got?.id).toBe(sent.id);
  expect(got?.message).toBe(sent.message);
  expect(got?.frames).toEqual(sent.frames);
  expect(got?.cleanup?.frames).toEqual(sent.cleanup?.frames);
  expect(got?.cleanup?.cleanup?.frames).toEqual(sent.cleanup?.cleanup?.frames);
}
