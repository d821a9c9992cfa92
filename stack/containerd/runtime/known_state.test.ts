import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { StateResponseSchema } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { KnownState } from "./known_state.ts";

const RUNNING = create(StateResponseSchema, { id: "a", status: 2 });

test("an answer is kept until something changes", async () => {
  const known = new KnownState();
  expect(await known.ask(async () => RUNNING)).toBe(RUNNING);
  expect(known.state).toBe(RUNNING);
  known.changed();
  expect(known.state).toBeUndefined();
});

test("an answer that a change overtook is given, but not kept", async () => {
  const known = new KnownState();
  const answer = Promise.withResolvers<typeof RUNNING>();
  const asked = known.ask(() => answer.promise);
  known.changed();
  answer.resolve(RUNNING);
  expect(await asked).toBe(RUNNING);
  expect(known.state).toBeUndefined();
});
