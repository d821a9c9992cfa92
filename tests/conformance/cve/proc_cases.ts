import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addBind } from "../harness/config_edits.ts";
import type { Container } from "../harness/container.ts";
import type { Trial } from "../harness/trial.ts";

/** Runs a bundle whose root was tampered with; undefined when the runtime refused it. */
async function outputOf(trial: Trial, container: Container): Promise<string | undefined> {
  const result = await trial.call(["run", "--bundle", container.bundle, container.id]);
  assert.equal(result.timedOut, false);
  return result.code === 0 ? result.stdout : undefined;
}

/** Exchanges a folder of a root for a link, as a hostile image or a volume would. */
function replaceByLink(container: Container, name: string, target: string): void {
  const path = `${container.bundle}/rootfs/${name}`;
  if (existsSync(path)) renameSync(path, `${path}.moved`);
  symlinkSync(target, path);
}

const withoutMount = (config: RuntimeConfig, destination: string) => {
  config.mounts = config.mounts.filter((mount) => mount["destination"] !== destination);
};

/** /proc as a link: whatever is done to it, the masks have to hold where it really lies. */
function linked(number: string, name: string, target: string): ConformanceCase {
  return {
    name: `CVE-${number}: /${name} is a link to ${target} in the image`,
    async run(trial) {
      const container = await trial.bundle({
        script: `(cat /proc/keys ${target}/keys; ls ${target}/firmware) 2>/dev/null; true`,
        ownRoot: true,
      });
      mkdirSync(`${container.bundle}/rootfs/elsewhere`, { recursive: true });
      replaceByLink(container, name, target);
      assert.equal((await outputOf(trial, container)) ?? "", "");
    },
  };
}

export const procCases: ConformanceCase[] = [
  linked("2019-19921", "proc", "/elsewhere"),
  linked("2023-27561", "sys", "/elsewhere"),
  linked("2023-28642", "proc", "elsewhere"),
  {
    name: "CVE-2019-16884: a folder of the host's cannot stand in for /proc",
    async run(trial) {
      const source = trial.folder("fake");
      mkdirSync(`${source}/self/attr`, { recursive: true });
      writeFileSync(`${source}/self/attr/exec`, "");
      const said = await trial.refused({
        edit(config) {
          withoutMount(config, "/proc");
          addBind(config, "/proc", { source });
        },
      });
      assert.match(said, /proc/);
    },
    differs: { crun: "crun 1.8 mounts it" },
  },
  {
    name: "CVE-2025-52881: nothing of /proc that init writes to can be covered",
    async run(trial) {
      const source = trial.folder("fake");
      writeFileSync(`${source}/ip_forward`, "");
      for (const path of ["/proc/sys/net/ipv4", "/proc/self", "/proc/self/attr", "/proc/1"]) {
        const said = await trial.refused({
          edit(config) {
            addBind(config, path, { source });
            config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
          },
        });
        assert.match(said, /proc/);
      }
    },
    differs: { crun: "crun 1.8 covers them" },
  },
  {
    name: "CVE-2025-31133: what is masked is not covered by a false /dev/null",
    async run(trial) {
      const source = trial.folder("dev");
      symlinkSync("/proc/sys/kernel/hostname", `${source}/null`);
      const container = await trial.bundle({
        script: "cat /proc/keys",
        ownRoot: true,
        edit(config) {
          for (const path of ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]) {
            withoutMount(config, path);
          }
          addBind(config, "/dev", { source });
          config.linux["maskedPaths"] = ["/proc/keys"];
        },
      });
      assert.equal((await outputOf(trial, container)) ?? "", "");
    },
    differs: { runc: "runc 1.1.5 is vulnerable: mended in 1.2.8 and 1.3.3" },
  },
  {
    name: "CVE-2025-31133: without a /dev/null what is to be masked is refused, not left bare",
    async run(trial) {
      const source = trial.folder("dev");
      const container = await trial.bundle({
        script: "cat /proc/keys",
        ownRoot: true,
        edit(config) {
          for (const path of ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]) {
            withoutMount(config, path);
          }
          addBind(config, "/dev", { source });
          config.linux["maskedPaths"] = ["/proc/keys"];
        },
      });
      assert.equal((await outputOf(trial, container)) ?? "", "");
    },
  },
];
