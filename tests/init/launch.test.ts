import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchExec } from "#stack/runc/process/launch_exec.ts";
import {
  CAN_LAUNCH,
  failureOf,
  TestContainer,
  withContainer,
  withStarted,
} from "./test_container.ts";

describe.skipIf(!CAN_LAUNCH)("a container's program", () => {
  test(
    "waits for start, runs, and its exit code comes back",
    withContainer({ args: ["sh", "-c", "echo hello; exit 42"] }, async (container) => {
      await container.create();
      expect(container.text()).toBe("");
      await container.start();
      const { code } = await container.launcher.waitFor(container.pid);
      container.pid = 0;
      expect(code).toBe(42);
      expect(container.text()).toBe("hello\n");
    }),
  );

  test(
    "has the hostname, namespaces, limits, and capabilities that it was given",
    withContainer(
      {
        args: ["sh", "-c", "hostname; echo $$; ulimit -Sn; ulimit -Hn; grep Cap /proc/self/status"],
        edit: ({ linux, process }) => {
          linux!.namespaces!.push({ type: "cgroup" });
          process!.capabilities!.inheritable = ["CAP_KILL"];
          process!.capabilities!.ambient = ["CAP_KILL"];
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text().replace(/\s+/g, " ")).toBe(
          "catest 1 512 1024 CapInh: 0000000000000020 CapPrm: 0000000020000420 " +
            "CapEff: 0000000020000420 CapBnd: 0000000020000420 CapAmb: 0000000000000020 ",
        );
      },
    ),
  );

  test(
    "runs as its user, with groups, umask and HOME",
    withContainer(
      {
        args: ["sh", "-c", "id; umask; echo $HOME; ls -ln /proc/self/fd/1 | wc -l"],
        edit: ({ process }) => {
          process!.user = { uid: 1000, gid: 1000, additionalGids: [5, 7], umask: 0o077 };
          process!.capabilities = {};
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe("uid=1000(ann) gid=1000 groups=5,7\n0077\n/ann\n1\n");
      },
    ),
  );

  test(
    "gets no descriptor but its streams, and default signals",
    withStarted({}, async (container) => {
      // 3 is the folder that ls itself reads.
      expect((await container.exec(["ls", "/proc/self/fd"])).text).toBe("0\n1\n2\n3\n");
      const signals = await container.exec(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]);
      expect(signals.text).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    }),
  );

  test(
    "unknown capabilities are warned about and left out",
    withContainer(
      {
        args: ["true"],
        edit: ({ process }) => process!.capabilities!.bounding!.push("CAP_NONSENSE"),
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.warnings).toEqual([
          "ignoring unknown or unavailable capabilities: [CAP_NONSENSE]",
        ]);
      },
    ),
  );
});

describe.skipIf(!CAN_LAUNCH)("an exec", () => {
  test(
    "runs inside, with its own user and folder",
    withStarted({ rootfs: (rootfs) => mkdirSync(join(rootfs, "work")) }, async (container) => {
      const user = { uid: 1000, gid: 1000 };
      const done = await container.exec(["sh", "-c", "id -u; pwd; hostname; exit 7"], {
        user,
        cwd: "/work",
      });
      expect(done.code).toBe(7);
      expect(done.text).toBe("1000\n/work\ncatest\n");
    }),
  );

  test(
    "that fails says why in runc's words, names the operation, and proves the cause",
    withStarted(
      {
        rootfs: (rootfs) => {
          writeFileSync(join(rootfs, "bin/junk"), "junk");
          writeFileSync(join(rootfs, "bin/lost"), "#!/bin/nosuch\r\n");
          writeFileSync(join(rootfs, "bin/plain"), "#!/bin/sh\n");
          for (const name of ["junk", "lost"]) chmodSync(join(rootfs, "bin", name), 0o755);
          chmodSync(join(rootfs, "bin/plain"), 0o644);
        },
      },
      async (container) => {
        const cases: [string[], object, string, string][] = [
          [["nosuch"], {}, 'exec: "nosuch": executable file not found in $PATH', "exec-not-found"],
          [
            ["/nosuch"],
            {},
            'exec: "/nosuch": stat /nosuch: no such file or directory',
            "exec-not-found",
          ],
          [["/bin/plain"], {}, 'exec: "/bin/plain": permission denied', "exec-not-executable"],
          [["/bin/junk"], {}, "exec /bin/junk: exec format error", "exec-format"],
          [["/bin/lost"], {}, "exec /bin/lost: no such file or directory", "bad-interpreter"],
          [
            ["true"],
            { cwd: "/no/such" },
            'chdir to cwd ("/no/such") set in config.json failed: no such file or directory',
            "cwd-missing",
          ],
        ];
        for (const [args, changes, words, causeId] of cases) {
          const error = await failureOf(container.exec(args, changes));
          expect(error.outer.message).toBe(`unable to start container process: ${words}`);
          expect(error.root.message).toMatch(/^operation \d+ of \d+, .*: E[A-Z]+$/);
          expect(error.causeId).toBe(causeId);
        }
      },
    ),
  );
});

describe.skipIf(!CAN_LAUNCH)("a cgroup that is gone", () => {
  test(
    "is named, and nothing of the exec is left",
    withStarted({}, async (container) => {
      const launch = container.execLaunch(["true"]);
      const gone = `${container.cgroupFolder}/gone`;
      const error = await failureOf(
        launchExec({
          ...launch,
          cgroup: { ...launch.cgroup, v1: [{ controllers: [], path: gone }] },
        }),
      );
      expect(error.causeId).toBe("cgroup-gone");
      expect(error.outer.message).toMatch(
        /error adding pid \d+ to cgroups: open .*\/gone\/tasks: no such file/,
      );
      expect(container.pids).toBe(1);
    }),
  );
});

describe.skipIf(!CAN_LAUNCH)("other limits", () => {
  test(
    "of a user's processes are told from a full cgroup",
    withStarted({}, async (container) => {
      const limited = {
        user: { uid: 54_321, gid: 1 },
        rlimits: [{ type: "RLIMIT_NPROC", soft: 1, hard: 1 }],
      };
      // The kernel lets a user become one too many; the next one's execve is refused.
      const sleepers = [
        await launchExec(container.execLaunch(["sleep", "100"], limited)),
        await launchExec(container.execLaunch(["sleep", "100"], limited)),
      ];
      try {
        const error = await failureOf(container.exec(["true"], limited));
        expect(error.causeId).toBe("rlimit-nproc");
        expect(error.outer.message).toEndWith("exec true: resource temporarily unavailable");
        expect(error.message).toContain("has 2 of them");
      } finally {
        for (const { pid } of sleepers) {
          process.kill(pid, "SIGKILL");
          await container.launcher.waitFor(pid);
        }
      }
    }),
  );
});

describe.skipIf(!CAN_LAUNCH)("the pids limit", () => {
  test(
    "lets the last free slot be used, refuses the next, and counts as before",
    withStarted({}, async (container) => {
      container.limitPids(2);
      expect((await container.exec(["true"])).code).toBe(0);
      expect(container.pids).toBe(1);
      container.limitPids(1);
      const error = await failureOf(container.exec(["true"]));
      expect(error.causeId).toBe("pids-cgroup-full");
      expect(error.message).toContain("1 of 1");
      expect(error.message).toContain(`process ${container.pid} (sleep)`);
      expect(error.message).toContain(container.cgroupFolder);
      expect(container.pids).toBe(1);
    }),
  );

  test(
    "refuses exactly those that are too many when execs race",
    withStarted({}, async (container) => {
      container.limitPids(4);
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, () => container.exec(["sleep", "1"])),
      );
      expect(results.filter(({ status }) => status === "fulfilled").length).toBe(3);
      expect(container.pids).toBe(1);
    }),
  );
});

describe.skipIf(!CAN_LAUNCH)("a failed creation", () => {
  test(
    "leaves no process, and a missing bind source is named",
    withContainer(
      {
        edit: ({ mounts }) =>
          mounts!.push({ destination: "/x", source: "/no/such", options: ["bind"] }),
      },
      async (container) => {
        const error = await failureOf(container.create());
        expect(error.causeId).toBe("bind-source-missing");
        expect(error.outer.message).toContain(
          'error during container init: error mounting "/no/such" to rootfs at "/x": ' +
            "stat /no/such: no such file or directory",
        );
        expect(container.pids).toBe(0);
      },
    ),
  );

  test("in the runtime's hooks unwinds", async () => {
    const container = new TestContainer({
      launch: { onNamespaces: () => Promise.reject(new Error("hook said no")) },
    });
    try {
      const error = await failureOf(container.create());
      expect(error.message).toContain("hook said no");
      expect(container.pids).toBe(0);
      expect(existsSync(join(container.rootfs, "proc/self"))).toBe(false);
    } finally {
      await container.close();
    }
  });
});
