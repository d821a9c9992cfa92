import { expect, test } from "bun:test";
import { failure } from "#lib/errors/chain_error.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { DockerPulse } from "./docker_pulse.ts";

const silence = () => {
  const frame = { layer: "dockerd" as const, op: "GET /_ping", code: "deadline_exceeded" as const };
  return failure({ ...frame, message: "has not answered", causeId: "dockerd-hung" });
};

function engineThat(answers: () => boolean) {
  let asked = 0;
  const ping = async () => {
    asked += 1;
    if (!answers()) throw silence();
  };
  return { engine: { ping } as unknown as DockerEngine, asked: () => asked };
}

test("work that ends in time is its result, and nobody is asked", async () => {
  const { engine, asked } = engineThat(() => false);
  const pulse = new DockerPulse(engine);
  expect(await pulse.beside(async () => 7, { firstMs: 60_000 })).toBe(7);
  const failed = pulse.beside(() => Promise.reject(new Error("no")), { firstMs: 60_000 });
  await expect(failed).rejects.toThrow("no");
  expect(asked()).toBe(0);
});

test("slow work is waited for as long as docker answers", async () => {
  const { engine, asked } = engineThat(() => true);
  const work = Promise.withResolvers<number>();
  const result = new DockerPulse(engine).beside(() => work.promise, { firstMs: 1 });
  while (asked() === 0) await Bun.sleep(1);
  work.resolve(7);
  expect(await result).toBe(7);
});

test("beside a silent docker work is given up, and no more of it is begun", async () => {
  let answers = false;
  const pulse = new DockerPulse(engineThat(() => answers).engine);
  const work = Promise.withResolvers<number>();
  const late = Promise.withResolvers<number>();
  const given = pulse.beside(() => work.promise, { firstMs: 1, late: late.resolve });
  expect(await given.catch(({ causeId }) => causeId)).toBe("dockerd-hung");
  work.resolve(7);
  expect(await late.promise).toBe(7);
  let begun = false;
  const begin = async () => {
    begun = true;
  };
  const next = pulse.beside(begin, { firstMs: 60_000 });
  expect(await next.catch(({ causeId }) => causeId)).toBe("dockerd-hung");
  expect(begun).toBe(false);
  answers = true;
  await pulse.beside(begin, { firstMs: 60_000 });
  expect(begun).toBe(true);
});
