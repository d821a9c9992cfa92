import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { CriCase } from "../conformance.ts";
import { refusal, withPod } from "../test_pod.ts";

/** All commands that run in a container but this one. */
const LIST = "ps -o args | grep -v ps";

/** Commands in running containers. */
export const EXEC_CASES: CriCase[] = [
  {
    name: "exec: both streams and the exit code",
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("exec sleep 1000");
        expect(await pod.exec(id, "echo out; echo err >&2; exit 9")).toEqual({
          code: 9,
          stdout: "out\n",
          stderr: "err\n",
        });
        const { stdout } = await pod.exec(id, "head -c 1000000 /dev/zero | tr '\\0' x");
        expect(stdout.length).toBe(1_000_000);
        expect((await pod.exec(id, "exit 127")).code).toBe(127);
      }),
  },
  {
    name: "exec: a program that is missing is an error, not a result",
    run: (target) =>
      withPod(target, async (pod) => {
        const containerId = await pod.start("exec sleep 1000");
        const { runtime } = target.services;
        const call = runtime.execSync({ containerId, cmd: ["/no/such"], timeout: 10n }, {});
        expect((await refusal(call)).message).toContain("/no/such");
      }),
  },
  {
    name: "exec: at its time-out a command is refused and gone",
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("exec sleep 1000");
        const before = Date.now();
        const { outer } = await refusal(pod.exec(id, "exec sleep 4321", 1n));
        expect(outer.code).toBe("deadline_exceeded");
        expect(Date.now() - before).toBeGreaterThan(900);
        const { stdout } = await pod.exec(id, LIST);
        expect(stdout).not.toContain("4321");
      }),
  },
  {
    // Genuine containerd kills the command alone, and then waits for what holds its output open.
    name: "exec: at its time-out what a command started is killed with it",
    oursOnly: true,
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("exec sleep 1000");
        await refusal(pod.exec(id, "sleep 4321 & sleep 4322", 1n));
        const { stdout } = await pod.exec(id, LIST);
        expect(stdout).not.toMatch(/sleep 432[12]/);
      }),
  },
  {
    name: "exec: children in sessions of their own are killed too",
    oursOnly: true,
    run: (target) =>
      withPod(target, async (pod) => {
        const folder = target.sandbox.path("beat", pod.id);
        const id = await pod.start("exec sleep 1000", {
          mounts: [{ hostPath: folder, containerPath: "/beat" }],
        });
        const beat = "while :; do date +%s%N > /beat/x; sleep 0.05; done";
        // On a busy machine a second may be over before it beats.
        for (let timeout = 1n; !existsSync(`${folder}/x`) && timeout <= 25n; timeout *= 5n) {
          await refusal(pod.exec(id, `setsid sh -c '${beat}' & sleep 1000`, timeout));
        }
        const last = readFileSync(`${folder}/x`, "utf8");
        await Bun.sleep(300);
        expect(readFileSync(`${folder}/x`, "utf8")).toBe(last);
      }),
  },
  {
    name: "exec: none in a container that has exited",
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("true");
        await pod.exited(id);
        await refusal(pod.exec(id, "true"));
      }),
  },
];
