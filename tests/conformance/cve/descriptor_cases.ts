import assert from "node:assert/strict";
import { waitUntil } from "../../lib/wait_until.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import type { Trial } from "../harness/trial.ts";

/** What a process of the container sees of the execs that come into it. */
async function seenByContainer(trial: Trial): Promise<string[]> {
  const container = await trial.start({
    script: "probe watch 3 > /tmp/seen; sleep 300",
    ownRoot: true,
  });
  await waitUntil("it watches", async () => {
    const list = await container.exec(["ps", "-o", "args"]);
    return list.includes("probe watch") || undefined;
  });
  for (let round = 0; round < 25; round++) await container.exec(["true"]);
  await waitUntil("it watched", async () => {
    const list = await container.exec(["ps", "-o", "args"]);
    return !list.includes("probe watch") || undefined;
  });
  const seen = await container.exec(["sort", "-u", "/tmp/seen"]);
  return seen.split("\n").filter((line) => line !== "");
}

/** What the container may see: its own programs' streams and files. */
const OWN =
  /^fd (pipe:|socket:|\/dev\/null$|\/tmp\/seen$|\/proc(\/|$)|anon_inode:|\/etc\/|\/bin\/)/;

const FOLDERS = Array.from({ length: 18 }, (_, at) => at + 3);

export const descriptorCases: ConformanceCase[] = [
  {
    name: "CVE-2016-9962: an exec's init shows the container no descriptor of the host's",
    async run(trial) {
      const seen = (await seenByContainer(trial)).filter((line) => line.startsWith("fd "));
      const foreign = seen.filter((line) => !OWN.test(line) && !line.includes(trial.tag));
      assert.deepEqual(foreign, []);
    },
  },
  {
    name: "CVE-2019-5736: the runtime's image cannot be written to from inside",
    async run(trial) {
      const seen = (await seenByContainer(trial)).filter((line) => line.startsWith("image "));
      const foreign = seen.filter((line) => !/^image \/bin\/(busybox|probe)$/.test(line));
      assert.deepEqual(foreign, []);
    },
  },
  {
    name: "CVE-2019-5736: /proc/self/exe as the program is the program itself",
    async run(trial) {
      const result = await trial.tryRun({ args: ["/proc/self/exe", "--version"] });
      assert.doesNotMatch(result.stdout, /runc|catena|crun/);
    },
  },
  {
    name: "CVE-2024-21626: no working directory leads to the host",
    async run(trial) {
      for (const fd of FOLDERS) {
        const result = await trial.tryRun({
          script: "cat ../../../../../../etc/hostname /proc/self/cwd/../etc/hostname; pwd -P",
          edit: (config) => Object.assign(config.process, { cwd: `/proc/self/fd/${fd}` }),
        });
        assert.notEqual(result.code, 0, `cwd /proc/self/fd/${fd}\n${result.stdout}`);
      }
    },
    slow: true,
  },
  {
    name: "CVE-2024-21626: no working directory of an exec leads to the host",
    async run(trial) {
      const container = await trial.start();
      for (const fd of FOLDERS) {
        const result = await container.tryExec(["true"], ["--cwd", `/proc/self/fd/${fd}`]);
        assert.notEqual(result.code, 0, `cwd /proc/self/fd/${fd}`);
      }
    },
  },
  {
    name: "CVE-2022-29162: capabilities of exec are not inheritable",
    async run(trial) {
      const container = await trial.start();
      const flags = ["--cap", "CAP_KILL"];
      const status = await container.exec(["cat", "/proc/self/status"], flags);
      assert.match(status, /^CapInh:\s+0{16}$/m);
    },
  },
];
