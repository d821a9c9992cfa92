import assert from "node:assert/strict";
import type { ConformanceCase } from "../harness/case_types.ts";
import { dropNamespace } from "../harness/config_edits.ts";

export const pathCases: ConformanceCase[] = [
  {
    name: "masked: a file is empty",
    async run(trial) {
      const output = await trial.run({
        script: "cat /etc/passwd | wc -c; stat -c %t:%T /etc/passwd",
        edit: (config) => Object.assign(config.linux, { maskedPaths: ["/etc/passwd"] }),
      });
      assert.match(output, /^0\n1:3$/);
    },
  },
  {
    name: "masked: a folder is empty and read-only",
    async run(trial) {
      const output = await trial.run({
        script: "ls /etc | wc -l; touch /etc/x 2>/dev/null || echo ro",
        ownRoot: true,
        edit: (config) => Object.assign(config.linux, { maskedPaths: ["/etc"] }),
      });
      assert.equal(output, "0\nro");
    },
  },
  {
    name: "masked: what does not exist is no failure",
    async run(trial) {
      const output = await trial.run({
        script: "echo ran",
        edit: (config) => Object.assign(config.linux, { maskedPaths: ["/no/such", "/proc/nope"] }),
      });
      assert.equal(output, "ran");
    },
  },
  {
    name: "masked: an exec does not see it either",
    async run(trial) {
      const container = await trial.start({
        edit: (config) => Object.assign(config.linux, { maskedPaths: ["/etc/passwd"] }),
      });
      assert.equal(await container.exec(["cat", "/etc/passwd"]), "");
    },
  },
  {
    name: "read-only: a folder and a file",
    async run(trial) {
      const output = await trial.run({
        script:
          "(echo x > /etc/x) 2>/dev/null || echo one; (echo > /root/f) 2>/dev/null || echo two",
        ownRoot: true,
        edit: (config) => Object.assign(config.linux, { readonlyPaths: ["/etc", "/root"] }),
      });
      assert.equal(output, "one\ntwo");
    },
  },
  {
    name: "read-only: what does not exist is no failure",
    async run(trial) {
      const output = await trial.run({
        script: "echo ran",
        edit: (config) => Object.assign(config.linux, { readonlyPaths: ["/no/such"] }),
      });
      assert.equal(output, "ran");
    },
  },
  {
    name: "read-only: /proc/sys cannot be written",
    async run(trial) {
      const script = "(echo 1 > /proc/sys/net/ipv4/ip_forward) 2>/dev/null || echo refused";
      assert.equal(await trial.run({ script }), "refused");
    },
  },
  {
    name: "masked paths without a mount namespace are refused",
    async run(trial) {
      const said = await trial.refused({
        edit(config) {
          dropNamespace(config, "mount");
          config.mounts = [];
        },
      });
      assert.match(said, /restrict|mount|MNT/);
    },
    differs: { crun: "crun goes on without" },
  },
];
