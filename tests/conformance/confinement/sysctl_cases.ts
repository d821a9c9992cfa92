import assert from "node:assert/strict";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addNamespace, dropNamespace } from "../harness/config_edits.ts";

const set = (config: RuntimeConfig, name: string, value: string) => {
  config.linux["sysctl"] = { [name]: value };
};

const GOOD: [name: string, value: string, file: string][] = [
  ["net.ipv4.ip_forward", "1", "net/ipv4/ip_forward"],
  ["net/ipv4/ip_forward", "1", "net/ipv4/ip_forward"],
  ["kernel.msgmax", "9000", "kernel/msgmax"],
  ["fs.mqueue.msg_max", "11", "fs/mqueue/msg_max"],
  ["kernel.shm_rmid_forced", "1", "kernel/shm_rmid_forced"],
];

export const sysctlCases: ConformanceCase[] = [
  ...GOOD.map(
    ([name, value, file]): ConformanceCase => ({
      name: `sysctl: ${name}`,
      async run(trial) {
        const output = await trial.run({
          script: `cat /proc/sys/${file}`,
          edit: (config) => set(config, name, value),
        });
        assert.equal(output, value);
      },
    }),
  ),
  ...["kernel.panic", "vm.swappiness", "kernel.hostname", "fs.file-max"].map(
    (name): ConformanceCase => ({
      name: `sysctl: ${name} is not the container's, and refused`,
      async run(trial) {
        const said = await trial.refused({ edit: (config) => set(config, name, "1") });
        assert.match(said, /sysctl/);
      },
    }),
  ),
  {
    name: "sysctl: net of the host's network is refused",
    async run(trial) {
      const said = await trial.refused({
        edit(config) {
          dropNamespace(config, "network");
          config.mounts = config.mounts.filter(({ type }) => type !== "sysfs");
          set(config, "net.ipv4.conf.lo.accept_local", "0");
        },
      });
      assert.match(said, /sysctl/);
    },
  },
  {
    name: "sysctl: net of the host's network, joined by path, is refused",
    async run(trial) {
      const said = await trial.refused({
        edit(config) {
          addNamespace(config, "network", "/proc/self/ns/net");
          config.mounts = config.mounts.filter(({ type }) => type !== "sysfs");
          set(config, "net.ipv4.conf.lo.accept_local", "0");
        },
      });
      assert.match(said, /sysctl/);
    },
    differs: { crun: "crun does not look whose network it is" },
  },
  {
    name: "sysctl: a value that the kernel refuses is a failure",
    async run(trial) {
      const said = await trial.refused({
        edit: (config) => set(config, "net.ipv4.ip_forward", "nonsense"),
      });
      assert.match(said, /ip_forward/);
    },
  },
];
