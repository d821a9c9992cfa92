import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  CAN_LAUNCH,
  failureOf,
  type TestContainer,
  withContainer,
  withStarted,
} from "./test_container.ts";

const ROUNDS = 25;

/** What a launch could leave behind, in numbers and lines. */
function traces(container: TestContainer) {
  const descriptors = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).replace(/\[\d+\]/, "");
    } catch {
      return "gone";
    }
  });
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();
  return {
    descriptors: descriptors.filter((target) =>
      /memfd|socket|catest|cgroup|\/proc|ns\//.test(target),
    ).length,
    children: children.split(" ").filter((pid) => isInit(Number(pid))).length,
    // Of this container's alone: other tests mount meanwhile.
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split(container.folder).length - 1,
    pids: container.pids,
  };
}

/** Descriptors that Bun closes when it collects garbage, and children, may take a moment to go. */
async function expectTraces(container: TestContainer, before: ReturnType<typeof traces>) {
  for (let tries = 0; tries < 50; tries++) {
    Bun.gc(true);
    if (Bun.deepEquals(traces(container), before)) return;
    await Bun.sleep(100);
  }
  expect(traces(container)).toEqual(before);
}

function isInit(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").includes("catena-init");
  } catch {
    return false;
  }
}

describe.skipIf(!CAN_LAUNCH)("nothing is left", () => {
  test(
    "by execs that work and execs that fail, each in its own stage",
    withStarted({}, async (container) => {
      const attempt = async () => {
        expect((await container.exec(["true"])).code).toBe(0);
        await failureOf(container.exec(["nosuch"]));
        await failureOf(container.exec(["true"], { cwd: "/no" }));
        container.limitPids(1);
        await failureOf(container.exec(["true"]));
        container.limitPids("max");
      };
      await attempt();
      const before = traces(container);
      for (let round = 0; round < ROUNDS; round++) await attempt();
      await expectTraces(container, before);
    }),
    240_000,
  );

  test(
    "by creations that fail late, with all mounts made",
    withContainer({ args: ["nosuch"] }, async (container) => {
      const attempt = async () => {
        const error = await failureOf(container.create());
        expect(error.causeId).toBe("exec-not-found");
        rmSync(join(container.folder, "state/exec.fifo"));
      };
      await attempt();
      const before = traces(container);
      for (let round = 0; round < ROUNDS; round++) await attempt();
      await expectTraces(container, before);
    }),
    240_000,
  );

  test(
    "by a launch that its caller gives up",
    withContainer({}, async (container) => {
      const abort = new AbortController();
      const launch = {
        signal: abort.signal,
        // As a hook that takes long.
        onNamespaces: () => {
          abort.abort();
          return new Promise<void>((resolve) => setTimeout(resolve, 20));
        },
      };
      container.options.launch = launch;
      const error = await failureOf(container.create());
      expect(error.outer.code).toBe("cancelled");
      expect(container.pids).toBe(0);
    }),
  );
});
