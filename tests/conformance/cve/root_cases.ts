import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addBind, addMount } from "../harness/config_edits.ts";
import { cannotReceive, DescriptorReceiver } from "../harness/descriptor_receiver.ts";

/** Exchanges a folder for a link to the host and back, as fast as it can. */
const EXCHANGER = `
import ctypes, sys
libc = ctypes.CDLL(None)
a, b = sys.argv[1].encode(), sys.argv[2].encode()
while True:
    libc.renameat2(-100, a, -100, b, 2)
`;

export const rootCases: ConformanceCase[] = [
  {
    name: "CVE-2021-30465, CVE-2024-45310: a destination that changes under our hands stays inside",
    async run(trial) {
      const outside = trial.folder("outside");
      const source = trial.folder("source");
      const edit = (config: RuntimeConfig) => {
        addBind(config, "/swap/deep/file", { source });
        addMount(config, "/swap/deep/tmp", { type: "tmpfs", source: "tmpfs" });
      };
      const first = await trial.bundle({ args: ["true"], ownRoot: true, edit });
      const root = `${first.bundle}/rootfs`;
      mkdirSync(`${root}/swap`);
      symlinkSync(outside, `${root}/link`);
      const child = Bun.spawn(["python3", "-c", EXCHANGER, `${root}/swap`, `${root}/link`]);
      try {
        for (let round = 0; round < 15; round++) {
          await trial.call(["run", "--bundle", first.bundle, first.id]);
        }
      } finally {
        child.kill("SIGKILL");
        await child.exited;
      }
      assert.deepEqual(readdirSync(outside), []);
    },
    skip: cannotReceive,
    slow: true,
    unjudged: { runc: "runc 1.1.5 makes folders on the host when it loses: mended in 1.1.14" },
  },
  {
    name: "CVE-2025-52565: /dev/console is not bound to where a link leads",
    async run(trial) {
      const receiver = await DescriptorReceiver.start(trial);
      const source = trial.folder("dev");
      symlinkSync("/etc/target", `${source}/console`);
      mkdirSync(`${source}/pts`);
      mkdirSync(`${source}/shm`);
      mkdirSync(`${source}/mqueue`);
      const container = await trial.bundle({
        script: "grep -c ' /etc/target ' /proc/self/mountinfo; echo end",
        terminal: true,
        ownRoot: true,
        edit(config) {
          config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
          config.mounts.splice(1, 0, {
            ...{ destination: "/dev", type: "bind", source },
            options: ["rbind"],
          });
        },
      });
      writeFileSync(`${container.bundle}/rootfs/etc/target`, "");
      const flags = ["--console-socket", receiver.socket, "--bundle", container.bundle];
      const result = await trial.call(["create", ...flags, container.id]).catch(() => undefined);
      if (result?.code !== 0) return;
      await container.must("start");
      await receiver.shows(/end/);
      assert.match(receiver.text, /\n?0\r\nend/);
    },
    skip: cannotReceive,
  },
  {
    name: "a root that is a link to the host's is refused or stays the bundle's",
    async run(trial) {
      const container = await trial.bundle({ script: "ls /etc/shadow" });
      const config = container.config();
      symlinkSync("/nowhere", `${container.bundle}/rootfs`);
      config.root = { path: "rootfs" };
      writeFileSync(`${container.bundle}/config.json`, JSON.stringify(config));
      const result = await trial.call(["run", "--bundle", container.bundle, container.id]);
      assert.notEqual(result.code, 0);
      assert.equal(existsSync("/nowhere"), false);
    },
  },
  {
    name: "CVE-2023-25809: the cgroup of the host is not writable without a cgroup namespace",
    async run(trial) {
      const output = await trial.run({
        script:
          "for f in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $f/x 2>/dev/null && echo $f; done; true",
      });
      assert.equal(output, "");
    },
    differs: { crun: "crun leaves the folder of the v1 hierarchies writable" },
  },
];
