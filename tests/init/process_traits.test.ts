import { describe, expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CAN_LAUNCH, failureOf, withContainer, withStarted } from "./test_container.ts";

const sh = (script: string) => ["sh", "-c", script];

describe.skipIf(!CAN_LAUNCH)("a process", () => {
  test(
    "has the scheduling, I/O priority and execution domain that it was given",
    withContainer(
      {
        args: sh("busybox uname -m; cut -d' ' -f41,19 /proc/self/stat; busybox ionice -p $$"),
        edit: ({ process, linux }) => {
          process!.scheduler = { policy: "SCHED_BATCH", nice: 7 };
          process!.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
          linux!.personality = { domain: "LINUX32" };
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        // Fields 19 and 41 of /proc/PID/stat: nice and the policy (3 is SCHED_BATCH).
        expect(container.text().replace("cut: ", "")).toBe("i686\n7 3\nbest-effort: prio 6\n");
      },
    ),
  );

  test(
    "keeps the descriptors that are preserved, and no other",
    withStarted({}, async (container) => {
      const path = join(container.folder, "preserved");
      writeFileSync(path, "kept\n");
      const others = [openSync(path, "r"), openSync(path, "r")];
      const { code, text } = await container.exec(["ls", "/proc/self/fd"], {}, { preserveFds: 2 });
      expect(code).toBe(0);
      // 5 is the folder that ls itself reads.
      expect(text).toBe("0\n1\n2\n3\n4\n5\n");
      for (const fd of others) closeSync(fd);
    }),
  );

  test(
    "cannot start in a folder outside of its root",
    withStarted({}, async (container) => {
      // The classic escape: a descriptor of the host's, left open in init.
      for (const fd of [3, 4, 5, 6, 7, 8, 9, 10]) {
        const cwd = `/proc/self/fd/${fd}`;
        const outcome = await container
          .exec(sh("cat /proc/self/cwd/../../etc/hostname"), { cwd })
          .then(
            ({ text }) => text,
            (error: Error) => error.message,
          );
        expect(outcome).toMatch(/chdir to cwd|outside of container|can't open/);
      }
    }),
  );

  test(
    "may lower its out-of-memory score only where the launcher may",
    withContainer(
      {
        args: ["cat", "/proc/self/oom_score_adj"],
        edit: ({ process }) => {
          process!.oomScoreAdj = 321;
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe("321\n");
      },
    ),
  );

  test(
    "is refused a limit above the launcher's own with a reason",
    withStarted({}, async (container) => {
      const rlimits = [{ type: "RLIMIT_NOFILE", soft: 2 ** 40, hard: 2 ** 40 }];
      const error = await failureOf(container.exec(["true"], { rlimits }));
      expect(error.outer.message).toEndWith(
        "error setting rlimits for process: error setting rlimit type 7: operation not permitted",
      );
      expect(error.message).toContain("CAP_SYS_RESOURCE");
    }),
  );
});
