import assert from "node:assert/strict";
import type { ConformanceCase } from "../harness/case_types.ts";

const BITS: Record<string, bigint> = {
  CAP_CHOWN: 1n << 0n,
  CAP_KILL: 1n << 5n,
  CAP_NET_BIND_SERVICE: 1n << 10n,
  CAP_SYS_ADMIN: 1n << 21n,
};

const mask = (...names: string[]) => names.reduce((bits, name) => bits | BITS[name]!, 0n);

const READ = "grep ^Cap /proc/self/status";

/** The five masks of a process as /proc says them. */
function masksOf(output: string): Record<string, bigint> {
  const lines = output.match(/^Cap(\w+):\s+([0-9a-f]+)$/gm) ?? [];
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = line.match(/^Cap(\w+):\s+([0-9a-f]+)$/)!;
      return [name!, BigInt(`0x${value}`)];
    }),
  );
}

interface SetCase {
  name: string;
  sets: Record<string, string[]>;
  uid?: number;
  expected: Record<string, bigint>;
}

const SETS: SetCase[] = [
  {
    name: "root has the sets that were given",
    sets: {
      bounding: ["CAP_CHOWN", "CAP_KILL"],
      permitted: ["CAP_CHOWN", "CAP_KILL"],
      effective: ["CAP_CHOWN", "CAP_KILL"],
    },
    expected: {
      Bnd: mask("CAP_CHOWN", "CAP_KILL"),
      Prm: mask("CAP_CHOWN", "CAP_KILL"),
      Eff: mask("CAP_CHOWN", "CAP_KILL"),
      Inh: 0n,
      Amb: 0n,
    },
  },
  {
    name: "an ordinary user keeps ambient ones",
    uid: 1000,
    sets: {
      bounding: ["CAP_KILL"],
      permitted: ["CAP_KILL"],
      effective: ["CAP_KILL"],
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    },
    expected: {
      Bnd: mask("CAP_KILL"),
      Prm: mask("CAP_KILL"),
      Eff: mask("CAP_KILL"),
      Inh: mask("CAP_KILL"),
      Amb: mask("CAP_KILL"),
    },
  },
  {
    name: "an ordinary user without ambient ones has none",
    uid: 1000,
    sets: {
      bounding: ["CAP_KILL", "CAP_CHOWN"],
      permitted: ["CAP_KILL"],
      effective: ["CAP_KILL"],
      inheritable: ["CAP_KILL"],
    },
    expected: { Prm: 0n, Eff: 0n, Amb: 0n, Bnd: mask("CAP_KILL", "CAP_CHOWN") },
  },
  { name: "none at all", sets: {}, expected: { Prm: 0n, Eff: 0n, Bnd: 0n, Inh: 0n, Amb: 0n } },
];

export const capabilityCases: ConformanceCase[] = [
  ...SETS.map(
    ({ name, sets, uid, expected }): ConformanceCase => ({
      name: `capabilities: ${name}`,
      async run(trial) {
        const output = await trial.run({
          script: READ,
          edit(config) {
            config.process["capabilities"] = sets;
            if (uid !== undefined) config.process["user"] = { uid, gid: uid };
          },
        });
        const got = masksOf(output);
        const wanted = Object.keys(expected).map((key) => [key, got[key]]);
        assert.deepEqual(Object.fromEntries(wanted), expected);
      },
    }),
  ),
  {
    name: "capabilities: one that does not exist is no failure",
    async run(trial) {
      const output = await trial.run({
        script: "echo ran",
        edit(config) {
          const names = ["CAP_KILL", "CAP_UNHEARD_OF"];
          config.process["capabilities"] = { bounding: names, permitted: names, effective: names };
        },
      });
      assert.match(output, /ran/);
    },
  },
  {
    name: "capabilities: exec --cap adds one",
    async run(trial) {
      const container = await trial.start({
        edit(config) {
          const names = ["CAP_KILL"];
          config.process["capabilities"] = { bounding: names, permitted: names, effective: names };
        },
      });
      const flags = ["--cap", "CAP_CHOWN"];
      const masks = masksOf(await container.exec(["cat", "/proc/self/status"], flags));
      assert.equal((masks["Eff"] ?? 0n) & mask("CAP_CHOWN"), mask("CAP_CHOWN"));
    },
  },
  {
    name: "no_new_privs as given",
    async run(trial) {
      const script = "grep NoNewPrivs /proc/self/status";
      for (const wanted of [true, false]) {
        const output = await trial.run({
          script,
          edit: (config) => Object.assign(config.process, { noNewPrivileges: wanted }),
        });
        assert.match(output, wanted ? /1$/ : /0$/);
      }
    },
  },
  {
    name: "no_new_privs by exec",
    async run(trial) {
      const container = await trial.start({
        edit: (config) => Object.assign(config.process, { noNewPrivileges: false }),
      });
      const status = await container.exec(["cat", "/proc/self/status"], ["--no-new-privs"]);
      assert.match(status, /NoNewPrivs:\s+1/);
    },
  },
  {
    name: "an SELinux label on a host without SELinux is refused",
    async run(trial) {
      const said = await trial.refused({
        edit: (config) =>
          Object.assign(config.process, { selinuxLabel: "system_u:system_r:svirt_t:s0:c1,c2" }),
      });
      assert.match(said, /selinux/i);
    },
    differs: { crun: "crun ignores it" },
  },
  {
    name: "an AppArmor profile on a host without AppArmor is refused",
    async run(trial) {
      const said = await trial.refused({
        edit: (config) => Object.assign(config.process, { apparmorProfile: "nowhere" }),
      });
      assert.match(said, /apparmor/i);
    },
  },
];
