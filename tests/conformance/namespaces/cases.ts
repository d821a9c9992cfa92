import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { NEWER } from "../harness/case_types.ts";
import {
  addNamespace,
  addUserNamespace,
  allowAll,
  dropNamespace,
} from "../harness/config_edits.ts";
import { PIDS_HIERARCHY } from "../harness/host_cgroups.ts";

const FILES: Record<string, string> = {
  pid: "pid",
  network: "net",
  ipc: "ipc",
  uts: "uts",
  mount: "mnt",
  cgroup: "cgroup",
  time: "time",
  user: "user",
};

const TIME_CRUN = "crun 1.8.1 loses its own child there (write to sync socket)";

const hostNamespace = (type: string) => readlinkSync(`/proc/self/ns/${FILES[type]}`);
const readOwn = (type: string) => `readlink /proc/self/ns/${FILES[type]}`;

/** Each kind: made anew, shared with the host, and joined by the path of another container's. */
function casesOf(type: string): ConformanceCase[] {
  const edit = (config: RuntimeConfig) => {
    if (type === "user") addUserNamespace(config);
    else addNamespace(config, type);
  };
  const newer = type === "time" ? { runc: NEWER, crun: TIME_CRUN } : undefined;
  const made: ConformanceCase = {
    name: `${type} is a new one`,
    async run(trial) {
      const output = await trial.run({ script: readOwn(type), edit });
      assert.match(output, new RegExp(`^${FILES[type]}:\\[\\d+\\]$`));
      assert.notEqual(output, hostNamespace(type));
    },
    ...(newer ? { differs: newer } : {}),
  };
  const joined: ConformanceCase = {
    name: `${type} is joined by path`,
    async run(trial) {
      const first = await trial.start({ edit });
      const path = `/proc/${await first.pid()}/ns/${FILES[type]}`;
      const output = await trial.run({
        script: readOwn(type),
        edit(config) {
          // runc 1.1 wants the maps of a joined one too.
          if (type === "user") addUserNamespace(config);
          addNamespace(config, type, path);
        },
      });
      assert.equal(output, readlinkSync(path));
    },
    ...(newer ? { differs: newer } : {}),
  };
  return type === "mount" ? [made] : [made, joined];
}

function sharedWithHost(type: string): ConformanceCase {
  return {
    name: `${type} is the host's when it is not listed`,
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        dropNamespace(config, type);
        // Without a network of its own it may not mount a sysfs.
        config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys");
        config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
        if (type === "uts") delete config["hostname"];
        if (type === "ipc") {
          config.mounts = config.mounts.filter(({ type: kind }) => kind !== "mqueue");
        }
      };
      assert.equal(await trial.run({ script: readOwn(type), edit }), hostNamespace(type));
    },
  };
}

const CASES: ConformanceCase[] = [
  {
    name: "the program is process 1 of a new pid namespace",
    async run(trial) {
      assert.equal(await trial.run({ script: "echo $$" }), "1");
    },
  },
  {
    name: "exec joins every namespace of the container",
    async run(trial) {
      const container = await trial.start({ edit: (config) => addNamespace(config, "cgroup") });
      const pid = await container.pid();
      for (const type of ["pid", "network", "ipc", "uts", "mount", "cgroup"]) {
        const own = await container.exec(["readlink", `/proc/self/ns/${FILES[type]}`]);
        assert.equal(own, readlinkSync(`/proc/${pid}/ns/${FILES[type]}`));
      }
    },
  },
  {
    name: "a cgroup namespace begins at the container's own cgroup",
    async run(trial) {
      const edit = (config: RuntimeConfig) => addNamespace(config, "cgroup");
      const line = PIDS_HIERARCHY.endsWith("/pids") ? "grep -w pids" : "cat";
      const output = await trial.run({ script: `${line} /proc/self/cgroup`, edit });
      assert.match(output, /:\/$/);
    },
  },
  {
    name: "offsets of a time namespace",
    async run(trial) {
      const output = await trial.run({
        script: "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets",
        edit(config) {
          addNamespace(config, "time");
          config.linux["timeOffsets"] = { boottime: { secs: 1_000_000 }, monotonic: { secs: 77 } };
        },
      });
      const [uptime] = output.split("\n");
      assert.ok(Number(uptime) >= 1_000_000, output);
      assert.match(output, /monotonic\s+77\s+0/);
    },
    differs: { runc: NEWER, crun: TIME_CRUN },
  },
  {
    name: "a network namespace has only its own loopback",
    async run(trial) {
      const output = await trial.run({ script: "ls /sys/class/net; cat /proc/net/dev" });
      assert.match(output, /^lo\n/);
      assert.doesNotMatch(output, /eth|ens/);
    },
  },
  {
    name: "host processes are not seen in /proc",
    async run(trial) {
      const output = await trial.run({ script: "ls /proc | grep -c '^[0-9]'" });
      assert.ok(Number(output) <= 4, output);
    },
  },
  {
    name: "an unknown kind is refused",
    async run(trial) {
      const said = await trial.refused({ edit: (config) => addNamespace(config, "nonsense") });
      assert.match(said, /nonsense|namespace/);
    },
  },
  {
    name: "a kind that is listed twice is refused",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        config.linux["namespaces"] = [{ type: "mount" }, { type: "pid" }, { type: "pid" }];
      };
      assert.match(await trial.refused({ edit }), /duplicated|malformed/);
    },
    differs: { crun: "crun takes a second entry for the same namespace" },
  },
  {
    name: "a path that is no namespace is refused",
    async run(trial) {
      await trial.refused({ edit: (config) => addNamespace(config, "network", "/etc/passwd") });
    },
  },
  {
    name: "the path of another kind's namespace is refused",
    async run(trial) {
      const edit = (config: RuntimeConfig) => addNamespace(config, "network", "/proc/self/ns/uts");
      await trial.refused({ edit });
    },
  },
  {
    name: "hostname and domainname",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        config["hostname"] = "confhost";
        config["domainname"] = "confdomain";
      };
      const script = "hostname; cat /proc/sys/kernel/domainname";
      assert.equal(await trial.run({ script, edit }), "confhost\nconfdomain");
    },
    differs: { runc: NEWER },
  },
  {
    name: "a hostname without a uts namespace is refused",
    async run(trial) {
      const edit = (config: RuntimeConfig) => dropNamespace(config, "uts");
      assert.match(await trial.refused({ edit }), /hostname|UTS/i);
    },
  },
  {
    name: "a container of another's pid namespace is killed by its end",
    async run(trial) {
      const first = await trial.start();
      const path = `/proc/${await first.pid()}/ns/pid`;
      const edit = (config: RuntimeConfig) => addNamespace(config, "pid", path);
      const second = await trial.start({ edit });
      await first.must("kill", "KILL");
      await second.becomes("stopped");
    },
  },
  {
    name: "without new ones but mount, sysctls of the host are refused",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        allowAll(config);
        dropNamespace(config, "ipc");
        config.mounts = config.mounts.filter(({ type }) => type !== "mqueue");
        config.linux["sysctl"] = { "kernel.msgmax": "9000" };
      };
      assert.match(await trial.refused({ edit }), /msgmax/);
    },
  },
];

export const namespaces: Feature = {
  name: "namespaces",
  cases: [
    ...["pid", "network", "ipc", "uts", "mount", "cgroup", "time", "user"].flatMap(casesOf),
    ...["pid", "network", "ipc", "uts"].map(sharedWithHost),
    ...CASES,
  ],
};
