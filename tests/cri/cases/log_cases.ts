import { expect } from "bun:test";
import { renameSync } from "node:fs";
import { waitUntil } from "../../lib/wait_until.ts";
import type { CriCase } from "../conformance.ts";
import { readLog, refusal, withPod } from "../test_pod.ts";

/** What containers write, where the kubelet looks for it. */
export const LOG_CASES: CriCase[] = [
  {
    name: "log: time, stream and text of each line",
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("echo one; echo two >&2; printf last");
        const { logPath } = await pod.exited(id);
        const lines = readLog(logPath);
        // Only the lines of one stream have an order.
        const of = (which: string) =>
          lines.filter(({ stream }) => stream === which).map(({ text }) => text);
        expect([of("stdout"), of("stderr")]).toEqual([["one", "last"], ["two"]]);
        for (const { time } of lines) {
          expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)$/);
        }
        expect(lines[0]!.tag).toBe("F");
      }),
  },
  {
    name: "log: long lines come in pieces that are marked as such",
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("head -c 40000 /dev/zero | tr '\\0' y; echo; echo end");
        const lines = readLog((await pod.exited(id)).logPath);
        const tags = lines.map(({ tag }) => tag);
        expect(tags.slice(-2)).toEqual(["F", "F"]);
        expect(new Set(tags.slice(0, -2))).toEqual(new Set(["P"]));
        const text = lines.map((line) => line.text).join("");
        expect(text).toBe(`${"y".repeat(40_000)}end`);
      }),
  },
  {
    name: "log: a renamed file is followed by a new one",
    run: (target) =>
      withPod(target, async (pod) => {
        const { runtime } = target.services;
        const containerId = await pod.start("while :; do echo tick; sleep 0.02; done");
        const { logPath } = await pod.status(containerId);
        await waitUntil("it has written", () => readLog(logPath).length > 0);
        renameSync(logPath, `${logPath}.1`);
        await runtime.reopenContainerLog({ containerId }, {});
        await waitUntil("it writes into the new file", () => readLog(logPath).length > 2);
        const old = readLog(`${logPath}.1`).length;
        await Bun.sleep(200);
        expect(readLog(`${logPath}.1`)).toHaveLength(old);
        await runtime.stopContainer({ containerId, timeout: 0n }, {});
        await refusal(runtime.reopenContainerLog({ containerId }, {}));
      }),
  },
  {
    name: "log: of a terminal",
    run: (target) =>
      withPod(target, async (pod) => {
        const id = await pod.start("test -t 1 && echo tty; echo err >&2", { tty: true });
        const lines = readLog((await pod.exited(id)).logPath);
        expect(lines.map(({ stream, text }) => [stream, text.trimEnd()])).toEqual([
          ["stdout", "tty"],
          ["stdout", "err"],
        ]);
      }),
  },
];
