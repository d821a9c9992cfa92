import { expect, test } from "bun:test";
import { failure } from "#lib/errors/chain_error.ts";
import type { ContainerStats } from "#wire/docker-api/types/container_stats.ts";
import type { Dockershim } from "../dockershim.ts";
import { readListedUsage, readUsage } from "./container_usage.ts";
import { UsageSamples } from "./usage_samples.ts";

const FRAME = { attributes: {}, disk: { bytes: 7, mountpoint: "/d" } };
const refused = (code: "not_found" | "unknown") =>
  failure({ layer: "dockerd", op: "test", code, message: `it says ${code}` });

type Answer = "sample" | "nothing" | "not_found" | "unknown";

/** A Docker that answers each look for a sample in turn, and says what the container is. */
function shimOf(answers: Answer[], status: string | undefined, warned: string[] = []): Dockershim {
  const sample = {
    read: "2024-01-02T03:04:05Z",
    cpu_stats: { cpu_usage: { total_usage: 5 } },
    memory_stats: {},
    pids_stats: { current: 2 },
  } as ContainerStats;
  const engine = {
    containerStats: async () => {
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer === "not_found" || answer === "unknown") throw refused(answer);
      return (async function* () {
        if (answer === "sample") yield sample;
      })();
    },
    containerInspect: async () => {
      if (status === undefined) throw refused("not_found");
      return { State: { Status: status, Running: status === "running" } };
    },
  };
  return {
    engine,
    look: () => ({}),
    samples: new UsageSamples(),
    closing: new AbortController(),
    log: { warn: (message: string) => warned.push(message) },
  } as unknown as Dockershim;
}

test("one that goes away while it is sampled is left out", async () => {
  for (const answer of ["nothing", "not_found", "unknown"] as const) {
    for (const status of [undefined, "removing", "dead"]) {
      expect(await readUsage(shimOf([answer], status), "a", FRAME, {})).toBeUndefined();
    }
  }
});

test("one that died while it was sampled uses nothing", async () => {
  const usage = await readUsage(shimOf(["nothing"], "exited"), "a", FRAME, {});
  expect(usage).toMatchObject({ cpuNs: 0n, processes: 0n });
  expect(usage?.stats.writableLayer?.usedBytes).toEqual({ value: 7n });
});

test("one that runs is sampled again", async () => {
  const shim = shimOf(["nothing", "unknown", "sample"], "running");
  expect(await readUsage(shim, "a", FRAME, {})).toMatchObject({ cpuNs: 5n, processes: 2n });
});

test("one that runs and cannot be sampled is an error alone, and a warning in a list", async () => {
  const warned: string[] = [];
  const shim = shimOf(["unknown"], "running", warned);
  await expect(readUsage(shim, "a", FRAME, {})).rejects.toThrow("it says unknown");
  for (let look = 0; look < 2; look++) {
    expect(await readListedUsage(shim, "a", FRAME, {})).toBeUndefined();
  }
  expect(warned).toEqual(["a running container has no stats"]);
});
