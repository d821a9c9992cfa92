import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mount } from "#stack/runc/spec/spec_types.ts";
import { CAN_LAUNCH, failureOf, withContainer } from "./test_container.ts";

const sh = (script: string) => ["sh", "-c", script];

describe.skipIf(!CAN_LAUNCH)("the root", () => {
  test(
    "hides masked paths and protects read-only ones",
    withContainer(
      {
        args: sh(
          "cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo x > /proc/sys/kernel/shmmax || echo ro",
        ),
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text().replace(/sh:.*\n/, "")).toBe("0\n0\nro\n");
      },
    ),
  );

  test(
    "has device nodes and links of its own",
    withContainer(
      {
        args: sh(
          "stat -c '%n %F %t:%T %a' /dev/null /dev/fuse /dev/pipe; for l in ptmx fd stdin; do readlink /dev/$l; done",
        ),
        edit: ({ linux }) => {
          linux!.devices = [
            { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o640, gid: 5 },
            { path: "/dev/pipe", type: "p", fileMode: 0o600 },
          ];
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe(
          "/dev/null character special file 1:3 666\n/dev/fuse character special file a:e5 640\n" +
            "/dev/pipe fifo 0:0 600\npts/ptmx\n/proc/self/fd\n/proc/self/fd/0\n",
        );
      },
    ),
  );

  test(
    "can be read-only, with tmpfs that becomes so at the end and one that was filled from below",
    withContainer(
      {
        args: sh(
          "touch /a || echo ro; touch /run/x || echo ro; cat /data/deep/file; touch /data/y && stat -c %a /tmp",
        ),
        rootfs: (rootfs) => {
          mkdirSync(join(rootfs, "data/deep"), { recursive: true });
          writeFileSync(join(rootfs, "data/deep/file"), "kept\n");
          mkdirSync(join(rootfs, "tmp"));
          chmodSync(join(rootfs, "tmp"), 0o1777);
        },
        edit: (spec) => {
          spec.root!.readonly = true;
          const tmpfs = (destination: string, ...options: string[]): Mount => ({
            destination,
            type: "tmpfs",
            source: "tmpfs",
            options,
          });
          spec.mounts!.push(tmpfs("/run", "ro"), tmpfs("/data", "tmpcopyup"), tmpfs("/tmp"));
        },
        // A read-only root still gets its mount points: they are made before.
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text().replace(/touch:.*\n/g, "")).toBe("ro\nro\nkept\n1777\n");
      },
    ),
  );

  test(
    "binds with attributes, recursively where asked, and files onto files",
    withContainer(
      {
        args: sh(
          "touch /in/new || echo ro; cat /etc/given; grep -c ' /in ro,.*noexec' /proc/self/mountinfo; touch /rec/x || echo rro",
        ),
        edit: ({ mounts }, { folder }) => {
          mkdirSync(join(folder, "in"));
          mkdirSync(join(folder, "rec"));
          writeFileSync(join(folder, "given"), "given\n");
          mounts!.push(
            { destination: "/in", source: "in", options: ["rbind", "ro", "noexec", "rprivate"] },
            { destination: "/etc/given", source: join(folder, "given"), type: "bind" },
            { destination: "/rec", source: "rec", options: ["rbind", "rro", "rslave"] },
          );
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text().replace(/touch:.*\n/g, "")).toBe("ro\ngiven\n1\nrro\n");
      },
    ),
  );

  test(
    "takes namespaced sysctls and refuses those of the host",
    withContainer(
      {
        args: ["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/msgmax"],
        edit: ({ linux }) => {
          linux!.sysctl = { "net.ipv4.ip_forward": "1", "kernel/msgmax": "4096" };
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe("1\n4096\n");
        container.spec.linux!.sysctl = { "vm.swappiness": "1" };
        const error = await failureOf(container.create());
        expect(error.message).toContain(
          'sysctl "vm.swappiness" is not in a separate kernel namespace',
        );
      },
    ),
  );

  test(
    "shows cgroups, own ones alone with a cgroup namespace",
    withContainer(
      {
        args: sh(
          "cat /proc/self/cgroup | grep pids; test -e /sys/fs/cgroup/pids/pids.max && echo own",
        ),
        edit: ({ mounts, linux }) => {
          linux!.namespaces!.push({ type: "cgroup" });
          mounts!.push({
            destination: "/sys/fs/cgroup",
            type: "cgroup",
            source: "cgroup",
            options: ["ro"],
          });
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toMatch(/^\d+:pids:\/\nown\n$/);
      },
    ),
  );

  test(
    "moves instead of pivoting when told, and then hides the host's procfs",
    withContainer(
      { args: sh("ls / | wc -l; cat /proc/1/comm"), launch: { noPivot: true } },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe("5\ncat\n");
      },
    ),
  );
});

describe.skipIf(!CAN_LAUNCH)("a hostile image", () => {
  test(
    "cannot lead mounts, nodes or folders out of its root",
    withContainer(
      {
        args: sh("cat /escape/marker; ls -l /dev/zero | wc -l"),
        rootfs: (rootfs) => {
          // Absolute, climbing and dangling links: each is resolved with the root as its ceiling.
          symlinkSync("/../../../../../../tmp", join(rootfs, "escape"));
          symlinkSync("/run/not/there", join(rootfs, "dangling"));
          symlinkSync("../../../../../../../etc/catest-made", join(rootfs, "etc/climb"));
        },
        edit: ({ mounts }, { folder }) => {
          mkdirSync(join(folder, "in"));
          writeFileSync(join(folder, "in/marker"), "inside\n");
          mounts!.push(
            { destination: "/escape", source: "in", options: ["bind"] },
            { destination: "/dangling/deep", type: "tmpfs", source: "tmpfs" },
            { destination: "/etc/climb/deep", type: "tmpfs", source: "tmpfs" },
          );
        },
      },
      async (container) => {
        expect(await container.run()).toBe(0);
        expect(container.text()).toBe("inside\n1\n");
        expect(existsSync("/etc/catest-made")).toBe(false);
        expect(existsSync("/run/not")).toBe(false);
        expect(existsSync(join(container.rootfs, "run/not/there/deep"))).toBe(true);
        expect(existsSync(join(container.rootfs, "etc/catest-made/deep"))).toBe(true);
      },
    ),
  );

  test(
    "cannot have /proc mounted through a link",
    withContainer(
      { rootfs: (rootfs) => symlinkSync("/bin", join(rootfs, "proc")) },
      async (container) => {
        const error = await failureOf(container.create());
        expect(error.outer.message).toContain(
          'filesystem "proc" must be mounted on ordinary directory',
        );
      },
    ),
  );

  test(
    "cannot loop links, nor pass a bind into /proc",
    withContainer(
      { rootfs: (rootfs) => symlinkSync("loop", join(rootfs, "loop")) },
      async (container) => {
        const mount = (destination: string): Mount => ({
          destination,
          source: "/etc",
          options: ["bind"],
        });
        container.spec.mounts!.push(mount("/loop/x"));
        expect((await failureOf(container.create())).root.message).toEndWith("ELOOP");
        rmSync(join(container.folder, "state/exec.fifo"));
        container.spec.mounts!.pop();
        container.spec.mounts!.push(mount("/proc/sys"));
        const error = await failureOf(container.create());
        expect(error.outer.message).toContain(
          '"/proc/sys" cannot be mounted because it is inside /proc',
        );
      },
    ),
  );

  test(
    "cannot pass a file for /dev/null",
    withContainer(
      {
        edit: ({ mounts }, { folder }) => {
          mkdirSync(join(folder, "dev"));
          writeFileSync(join(folder, "dev/null"), "");
          mounts!.splice(1, 2, { destination: "/dev", source: "dev", options: ["bind"] });
        },
      },
      async (container) => {
        const error = await failureOf(container.create());
        expect(error.root.message).toMatch(/mask \/proc\/keys: ENODEV$/);
      },
    ),
  );
});
