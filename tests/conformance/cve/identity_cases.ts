import assert from "node:assert/strict";
import { appendFileSync, readlinkSync } from "node:fs";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addNamespace } from "../harness/config_edits.ts";

/** Sixteen bits of length, and then some: what libcontainer's messages once wrapped at. */
const LONG = 70_000;

/** Who a process is and which namespaces it has, whatever the image or the configuration tries. */
export const identityCases: ConformanceCase[] = [
  {
    name: "CVE-2016-3697: a user's number is a number, whatever the image calls by it",
    async run(trial) {
      const container = await trial.start({ ownRoot: true });
      const passwd = `${container.bundle}/rootfs/etc/passwd`;
      appendFileSync(passwd, "1000:x:0:0:number:/:/bin/sh\n");
      appendFileSync(`${container.bundle}/rootfs/etc/group`, "1000:x:0:\n");
      const flags = ["--user", "1000:1000"];
      assert.equal(await container.exec(["id", "-u"], flags), "1000");
      assert.equal(await container.exec(["id", "-g"], flags), "1000");
    },
  },
  {
    name: "CVE-2016-8867: a user that is not root keeps no capabilities but ambient ones",
    async run(trial) {
      const names = ["CAP_KILL", "CAP_DAC_OVERRIDE"];
      const output = await trial.run({
        script: "grep ^Cap /proc/self/status",
        edit(config) {
          const sets = { bounding: names, effective: names, permitted: names, inheritable: names };
          const user = { uid: 1000, gid: 1000 };
          Object.assign(config.process, { user, capabilities: sets });
        },
      });
      assert.match(output, /^CapPrm:\s+0{16}$/m);
      assert.match(output, /^CapEff:\s+0{16}$/m);
      assert.match(output, /^CapAmb:\s+0{16}$/m);
    },
  },
  {
    name: "CVE-2021-43784: no path is so long that what follows it is read as other namespaces",
    async run(trial) {
      const own = readlinkSync("/proc/self/ns/net");
      const path = `/proc/self/ns/${"x".repeat(LONG)}`;
      const result = await trial.tryRun({
        script: "readlink /proc/self/ns/net",
        edit: (config) => addNamespace(config, "network", path),
      });
      assert.notEqual(result.code, 0);
      assert.doesNotMatch(result.stdout, new RegExp(own.replace(/[[\]]/g, "\\$&")));
    },
  },
];
