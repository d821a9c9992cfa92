import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, writeFileSync } from "node:fs";
import { type CommandResult, describeResult, runCommand } from "../../lib/command.ts";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { addUserNamespace, dropNamespace } from "../harness/config_edits.ts";
import type { Trial } from "../harness/trial.ts";

/** An ordinary user that every host has. */
const NOBODY = 65534;
const SUB_START = 200000;

/** What such a caller may not have: cgroups, a sysfs of its own, more ids than these. */
function rootless(config: RuntimeConfig, maps: object[], network: boolean): void {
  addUserNamespace(config);
  Object.assign(config.linux, { uidMappings: maps, gidMappings: maps, resources: {} });
  delete config.linux["cgroupsPath"];
  if (!network) dropNamespace(config, "network");
  const barred = ["/sys", "/sys/fs/cgroup", "/dev/mqueue"];
  config.mounts = config.mounts
    .filter(({ destination }) => !barred.includes(`${destination}`))
    .map((mount) => ({
      ...mount,
      options: (mount["options"] as string[]).filter((option) => !option.startsWith("gid=")),
    }));
}

/** Runs the runtime as that user, with subordinate ids as a private /etc has them. */
async function runAs(
  trial: Trial,
  script: string,
  maps: object[],
  network = false,
): Promise<CommandResult> {
  const { id, bundle } = await trial.bundle({
    script,
    edit: (config) => rootless(config, maps, network),
  });
  const root = trial.folder("state");
  const ids = trial.path("subids");
  writeFileSync(ids, `nobody:${SUB_START}:65536\n`);
  for (const folder of [root, bundle, trial.folder()]) chownSync(folder, NOBODY, NOBODY);
  chmodSync(trial.folder(), 0o755);
  const setup =
    "mount --bind $0 /etc/subuid && mount --bind $0 /etc/subgid && " +
    'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"';
  const runtime = [...trial.runtime.argv, "--root", root, "run", "--bundle", bundle, id];
  const env = { XDG_RUNTIME_DIR: root, HOME: root, CATENA_STATE: root };
  const argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", setup, ids, ...runtime];
  return runCommand(argv, { env, timeoutMs: 30_000 });
}

const OWN = { containerID: 0, hostID: NOBODY, size: 1 };
const MORE = { containerID: 1, hostID: SUB_START, size: 65535 };

function skip(): string | undefined {
  if (!existsSync("/usr/bin/newuidmap")) return "no newuidmap";
  if (!existsSync("/etc/subuid") || !existsSync("/etc/subgid")) return "no /etc/subuid";
  return existsSync("/usr/bin/setpriv") ? undefined : "no setpriv";
}

const WRAPPED = "its wrapper here needs root";

const CASES: ConformanceCase[] = [
  {
    name: "an ordinary user's container has that user as its root",
    async run(trial) {
      const result = await runAs(trial, "id -u; cat /proc/self/uid_map", [OWN]);
      assert.equal(result.code, 0, describeResult(result));
      assert.match(result.stdout, /^0\n\s*0\s+65534\s+1$/m);
    },
    skip,
    differs: { crun: WRAPPED },
  },
  {
    name: "newuidmap and newgidmap give it the ids of /etc/subuid",
    async run(trial) {
      const script = "cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups";
      const result = await runAs(trial, script, [OWN, MORE]);
      assert.equal(result.code, 0, describeResult(result));
      const lines = result.stdout.trim().split("\n");
      const words = lines.map((line) => line.trim().split(/\s+/).join(" "));
      const map = ["0 65534 1", "1 200000 65535"];
      assert.deepEqual(words, [...map, ...map, "allow"]);
    },
    skip,
    differs: { crun: WRAPPED },
  },
  {
    name: "the loopback of its own network namespace is up",
    async run(trial) {
      const result = await runAs(trial, "ip address show lo", [OWN], true);
      assert.equal(result.code, 0, describeResult(result));
      assert.match(result.stdout, /<LOOPBACK,UP\b[\s\S]*\b127\.0\.0\.1\/8\b/);
    },
    skip,
    differs: { crun: WRAPPED },
  },
  {
    name: "ids that /etc/subuid does not give are refused",
    async run(trial) {
      const result = await runAs(trial, "true", [OWN, { ...MORE, hostID: SUB_START + 1_000_000 }]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /newuidmap|newgidmap|subuid/);
    },
    skip,
    differs: { crun: WRAPPED },
  },
];

export const rootlessFeature: Feature = { name: "rootless", cases: CASES };
