import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { addUserNamespace, allowAll } from "../harness/config_edits.ts";

const DEFAULTS: [name: string, number: string][] = [
  ["null", "1:3"],
  ["zero", "1:5"],
  ["full", "1:7"],
  ["random", "1:8"],
  ["urandom", "1:9"],
  ["tty", "5:0"],
];

const LINKS: [name: string, target: string][] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
];

/** `stat` of busybox says numbers in hexadecimal. */
const STAT = "stat -c '%n %t:%T %a %F'";

const FUSE = { major: 10, minor: 229 };

const addDevice = (config: RuntimeConfig, device: object) => {
  config.linux["devices"] = [device];
};

const allow = (config: RuntimeConfig, rule: object) => {
  config.linux.resources["devices"] = [{ allow: false, access: "rwm" }, rule];
};

const CASES: ConformanceCase[] = [
  {
    name: "those that every container has",
    async run(trial) {
      const names = DEFAULTS.map(([name]) => `/dev/${name}`).join(" ");
      const output = await trial.run({ script: `${STAT} ${names}` });
      const lines = DEFAULTS.map(([name, number]) => {
        return `/dev/${name} ${number} 666 character special file`;
      });
      assert.deepEqual(output.split("\n"), lines);
    },
  },
  {
    name: "the usual links",
    async run(trial) {
      const output = await trial.run({
        script: LINKS.map(([name]) => `readlink /dev/${name}`).join(";"),
      });
      assert.deepEqual(
        output.split("\n"),
        LINKS.map(([, target]) => target),
      );
    },
  },
  {
    name: "those that every container has can be used",
    async run(trial) {
      const script =
        "echo x > /dev/null && head -c 3 /dev/zero | od -An -tx1 && head -c1 /dev/urandom | wc -c";
      assert.equal(await trial.run({ script }), "00 00 00\n1");
    },
  },
  {
    name: "a character device with mode and owner",
    async run(trial) {
      const device = { path: "/dev/foo", type: "c", major: 10, minor: 229, fileMode: 0o640 };
      const output = await trial.run({
        script: "stat -c '%t:%T %a %u:%g %F' /dev/foo",
        edit: (config) => addDevice(config, { ...device, uid: 7, gid: 8 }),
      });
      assert.equal(output, "a:e5 640 7:8 character special file");
    },
  },
  {
    name: "a block device, below a folder that is not there",
    async run(trial) {
      const device = { path: "/dev/sub/disk", type: "b", major: 7, minor: 0, fileMode: 0o600 };
      const output = await trial.run({
        script: "stat -c '%t:%T %F' /dev/sub/disk",
        edit: (config) => addDevice(config, device),
      });
      assert.equal(output, "7:0 block special file");
    },
  },
  {
    name: "a FIFO",
    async run(trial) {
      const output = await trial.run({
        script: "stat -c '%a %F' /dev/pipe",
        edit: (config) => addDevice(config, { path: "/dev/pipe", type: "p", fileMode: 0o622 }),
      });
      assert.equal(output, "622 fifo");
    },
  },
  {
    name: "an unknown type is refused",
    async run(trial) {
      await trial.refused({
        edit: (config) => addDevice(config, { path: "/dev/x", type: "z", major: 1, minor: 1 }),
      });
    },
    differs: { crun: "crun takes it for a character device" },
  },
  {
    name: "what the cgroup does not allow cannot be opened",
    async run(trial) {
      const script = "mknod /dev/kmsg0 c 1 11 && head -c1 /dev/kmsg0 || echo refused";
      const output = await trial.tryRun({ script, edit: allowAll });
      assert.match(output.stdout, /refused/);
    },
  },
  {
    name: "what the cgroup allows can be opened",
    async run(trial) {
      const output = await trial.run({
        script: "mknod /dev/zero2 c 1 5 && head -c1 /dev/zero2 | wc -c",
        edit(config) {
          allowAll(config);
          allow(config, { allow: true, type: "c", major: 1, minor: 5, access: "rwm" });
        },
      });
      assert.equal(output, "1");
    },
  },
  {
    name: "a device rule of reading only",
    async run(trial) {
      const output = await trial.run({
        script: "(exec 3</dev/own) && echo read; (exec 3>/dev/own) 2>/dev/null || echo refused",
        edit(config) {
          allowAll(config);
          addDevice(config, { path: "/dev/own", type: "c", ...FUSE });
          allow(config, { allow: true, type: "c", ...FUSE, access: "r" });
        },
      });
      assert.equal(output, "read\nrefused");
    },
    skip: () => (existsSync("/dev/fuse") ? undefined : "no /dev/fuse to try it on"),
  },
  {
    name: "in a user namespace the host's nodes are bound",
    async run(trial) {
      const output = await trial.run({
        script: "stat -c %t:%T /dev/null; echo x > /dev/null && echo usable",
        edit: (config) => addUserNamespace(config),
      });
      assert.equal(output, "1:3\nusable");
    },
  },
  {
    name: "a /dev of the host's is left as it is",
    async run(trial) {
      const output = await trial.run({
        script: "ls /dev | grep -c .",
        edit(config) {
          config.mounts = config.mounts.filter(
            ({ destination }) => !`${destination}`.startsWith("/dev"),
          );
          config.mounts.push({
            ...{ destination: "/dev", type: "bind", source: "/dev" },
            options: ["rbind", "rprivate"],
          });
        },
      });
      assert.ok(Number(output) > 15, output);
    },
  },
];

export const devices: Feature = { name: "devices", cases: CASES };
