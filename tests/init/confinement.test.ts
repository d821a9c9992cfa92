import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { receiveWithFds, SOCK, socketpair } from "#lib/linux/descriptor.ts";
import { closeFile } from "#lib/linux/file.ts";
import type { Spec } from "#stack/runc/spec/spec_types.ts";
import { readUntil } from "./terminal_text.ts";
import { CAN_LAUNCH, failureOf, settle, withContainer, withStarted } from "./test_container.ts";

const sh = (script: string) => ["sh", "-c", script];
const HOST_ROOT = 100_000;

function inUserNamespace({ linux }: Spec): void {
  const map = { containerID: 0, hostID: HOST_ROOT, size: 65_536 };
  linux!.namespaces!.push({ type: "user" });
  linux!.uidMappings = [map];
  linux!.gidMappings = [map];
}

describe.skipIf(!CAN_LAUNCH)("a user namespace", () => {
  test(
    "maps ids, binds devices, and execs join it",
    withStarted(
      {
        args: sh(
          "cat /proc/self/uid_map; stat -c %t:%T /dev/null; cat /in/file; touch /in/mine; sleep 1000",
        ),
        rootfs: (rootfs) => {
          chownSync(rootfs, HOST_ROOT, HOST_ROOT);
          chmodSync(join(rootfs, ".."), 0o711);
        },
        edit: (spec, { folder }) => {
          inUserNamespace(spec);
          // A source that the container's root could not reach by its path.
          mkdirSync(join(folder, "private/in"), { recursive: true, mode: 0o700 });
          writeFileSync(join(folder, "private/in/file"), "reached\n");
          chownSync(join(folder, "private/in"), HOST_ROOT, HOST_ROOT);
          spec.mounts!.push({ destination: "/in", source: "private/in", options: ["rbind"] });
        },
      },
      async (container) => {
        await container.printed(/reached/);
        const done = await container.exec(["id", "-u"], { user: { uid: 5, gid: 5 } });
        expect(done.code).toBe(0);
        expect(container.text().replace(/ +/g, " ")).toContain(" 0 100000 65536\n1:3\nreached\n");
        expect(done.text).toContain("5\n");
        expect(statSync(join(container.folder, "private/in/mine")).uid).toBe(HOST_ROOT);
        expect(statSync(`/proc/${container.pid}`).uid).toBe(HOST_ROOT);
      },
    ),
  );

  test(
    "without maps is refused before anything starts",
    withContainer(
      { edit: ({ linux }) => linux!.namespaces!.push({ type: "user" }) },
      async (container) => {
        const error = await failureOf(container.create());
        expect(error.message).toContain("no uid mappings or gid mappings found");
      },
    ),
  );

  test(
    "an id-mapped bind shows other owners",
    withContainer(
      {
        args: ["stat", "-c", "%u", "/in/file"],
        edit: ({ mounts }, { folder }) => {
          mkdirSync(join(folder, "in"));
          writeFileSync(join(folder, "in/file"), "");
          const map = [{ containerID: 0, hostID: 500, size: 10 }];
          mounts!.push({
            destination: "/in",
            source: "in",
            options: ["bind"],
            uidMappings: map,
            gidMappings: map,
          });
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe("500\n");
      },
    ),
  );
});

describe.skipIf(!CAN_LAUNCH)("a time namespace", () => {
  test(
    "moves the clocks inside, not those of the trace",
    withContainer(
      {
        args: ["cat", "/proc/uptime"],
        edit: ({ linux }) => {
          linux!.namespaces!.push({ type: "time" });
          linux!.timeOffsets = { monotonic: { secs: 5_000_000 }, boottime: { secs: 5_000_000 } };
        },
        launch: { trace: { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true } },
      },
      async (container) => {
        const { spans } = await container.create();
        await container.start();
        await container.launcher.waitFor(container.pid);
        container.pid = 0;
        expect(Number(container.text().split(" ")[0])).toBeGreaterThan(5_000_000);
        const stages = spans.filter(({ name }) => name.startsWith("init "));
        expect(stages.map(({ name }) => name)).toEqual([
          "init parent",
          "init child",
          "init grandchild",
          "init configuration",
        ]);
        for (const { startNs, endNs } of spans) {
          expect(endNs - startNs).toBeGreaterThanOrEqual(0);
          expect(endNs - startNs).toBeLessThan(5e9);
        }
      },
    ),
  );
});

describe.skipIf(!CAN_LAUNCH)("a terminal", () => {
  const console = () => {
    const [ours, theirs] = socketpair(SOCK.STREAM);
    return { ours, theirs, close: () => [ours, theirs].forEach(closeFile) };
  };

  test(
    "of the container's own devpts reaches the console socket",
    withContainer(
      {
        args: sh("tty; stty size; test -c /dev/console && echo console; sleep 1000"),
        edit: ({ process }) => {
          process!.terminal = true;
          process!.consoleSize = { height: 33, width: 77 };
        },
      },
      async (container) => {
        const sockets = console();
        container.options.launch = { consoleSocketFd: sockets.theirs };
        await container.create();
        const { fds, bytes } = receiveWithFds(sockets.ours, Buffer.alloc(64), 0);
        expect(fds).toHaveLength(1);
        expect(bytes).toBeGreaterThan(0);
        await container.start();
        expect(await readUntil(fds[0]!, /console/)).toBe("/dev/pts/0\r\n33 77\r\nconsole\r\n");
        const done = container.exec(
          ["tty"],
          { terminal: true },
          { consoleSocketFd: sockets.theirs },
        );
        await Bun.sleep(20);
        const second = receiveWithFds(sockets.ours, Buffer.alloc(64), 0);
        expect(await readUntil(second.fds[0]!, /pts/)).toBe("/dev/pts/1\r\n");
        expect((await done).code).toBe(0);
        for (const fd of [...fds, ...second.fds]) closeFile(fd);
        sockets.close();
      },
    ),
  );

  test(
    "that the container has no multiplexer for is named as missing",
    withStarted({}, async (container) => {
      await container.exec(sh("rm /dev/ptmx || busybox rm /dev/ptmx"));
      const sockets = console();
      const launch = container.exec(
        ["tty"],
        { terminal: true },
        { consoleSocketFd: sockets.theirs },
      );
      const error = await failureOf(launch);
      expect(error.causeId).toBe("ptmx-missing");
      expect(error.outer.message).toBe(
        "unable to start container process: open /dev/ptmx: no such file or directory",
      );
      sockets.close();
    }),
  );
});

describe.skipIf(!CAN_LAUNCH)("a seccomp profile", () => {
  const profile = (names: string[], action: string) => ({
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [{ names, action }],
  });

  test(
    "holds for the program, with no_new_privs and without",
    withContainer(
      {
        args: ["mkdir", "/made"],
        edit: ({ linux }) => {
          linux!.seccomp = profile(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO");
        },
      },
      async (container) => {
        expect(await container.run()).toBe(1);
        expect(container.text()).toContain("Operation not permitted");
        for (const noNewPrivileges of [true, false]) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          container.spec.process!.noNewPrivileges = noNewPrivileges;
        }
      },
    ),
  );

  test(
    "that kills init is told from other deaths",
    withStarted(
      {
        edit: ({ linux }) => {
          // Applies to execs alone: the container's own program is started without it.
          linux!.seccomp = undefined as never;
        },
      },
      async (container) => {
        container.spec.linux!.seccomp = profile(["execve"], "SCMP_ACT_KILL_PROCESS");
        const error = await failureOf(container.exec(["true"]));
        expect(error.causeId).toBe("seccomp-kill");
        expect(error.root.message).toMatch(
          /operation (\d+) of \1, execve true .*killed by signal 31/,
        );
        expect(container.pids).toBe(1);
      },
    ),
  );
});

/** What a process's descriptors beyond its streams name, sorted. */
function linksOf(pid: number): string[] {
  const all = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/^.*\/(?=exec.fifo$)/, "");
    } catch {
      return "closed";
    }
  });
  return all.slice(3).sort();
}

describe.skipIf(!CAN_LAUNCH)("init", () => {
  test(
    "cannot be read or traced from inside while it waits",
    withContainer({}, async (container) => {
      await container.create();
      const { text } = await container.exec(
        sh("cat /proc/1/environ; ls -l /proc/1/fd; ls -l /proc/1/exe"),
      );
      expect(text).toContain("can't open '/proc/1/environ': Permission denied");
      expect(text).not.toContain(" -> ");
      // What was opened for the launch is closed: the fifo, a procfs and the report are left.
      await settle("init waits", () => linksOf(container.pid).includes("/1/fd"));
      expect(linksOf(container.pid)).toEqual([
        "/",
        "/1/fd",
        "/memfd:catena-report (deleted)",
        "exec.fifo",
      ]);
      expect(readFileSync(`/proc/${container.pid}/comm`, "utf8")).toBe("catena-init\n");
    }),
  );
});
