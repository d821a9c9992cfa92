import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { waitUntil } from "../../lib/wait_until.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { PIDS_HIERARCHY } from "../harness/host_cgroups.ts";

const CRUN_CODES = "crun has exit codes of its own";
const CRUN_WORDS = "crun has words of its own";

const states: ConformanceCase[] = [
  {
    name: "created, running, stopped, gone",
    async run(trial) {
      const container = await trial.create({ script: "read x" });
      assert.equal((await container.state()).status, "created");
      await container.must("start");
      await container.becomes("stopped");
      await container.must("delete");
      const result = await container.call("state");
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /does not exist/);
    },
    differs: { crun: CRUN_WORDS },
  },
  {
    name: "start runs the program, create does not",
    async run(trial) {
      const container = await trial.create({ script: "echo ran" });
      await Bun.sleep(100);
      assert.equal(container.output(), "");
      await container.must("start");
      await waitUntil("it ran", () => container.output().includes("ran") || undefined);
    },
  },
  {
    name: "start of a running container is refused",
    async run(trial) {
      const container = await trial.start();
      assert.notEqual((await container.call("start")).code, 0);
    },
  },
  {
    name: "start of a stopped container is refused",
    async run(trial) {
      const container = await trial.start({ args: ["true"] });
      await container.becomes("stopped");
      assert.notEqual((await container.call("start")).code, 0);
    },
  },
  {
    name: "an id that is taken is refused",
    async run(trial) {
      const container = await trial.start();
      const result = await trial.call(["create", "--bundle", container.bundle, container.id]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /exist/);
      assert.equal((await container.state()).status, "running");
    },
  },
  ...["", ".", "..", "a/b", "../x", "a b"].map(
    (id): ConformanceCase => ({
      name: `the id ${JSON.stringify(id)} is refused`,
      async run(trial) {
        const { bundle } = await trial.bundle({ args: ["true"] });
        assert.notEqual((await trial.call(["run", "--bundle", bundle, id])).code, 0);
      },
      ...(id === "a b" ? { differs: { crun: "crun takes any name without a slash" } } : {}),
    }),
  ),
  {
    name: "a bundle without config.json is refused",
    async run(trial) {
      const result = await trial.call(["run", "--bundle", trial.folder("empty"), trial.tag]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /config\.json/);
    },
  },
  {
    name: "pause and resume",
    async run(trial) {
      const container = await trial.start();
      await container.must("pause");
      assert.equal((await container.state()).status, "paused");
      assert.notEqual((await container.tryExec(["true"])).code, 0);
      await container.must("resume");
      assert.equal((await container.state()).status, "running");
      await container.exec(["true"]);
    },
  },
  {
    name: "pause of a stopped container is refused",
    async run(trial) {
      const container = await trial.start({ args: ["true"] });
      await container.becomes("stopped");
      assert.notEqual((await container.call("pause")).code, 0);
    },
  },
];

const ends: ConformanceCase[] = [
  ...[0, 1, 7, 255].map(
    (code): ConformanceCase => ({
      name: `run ends with the program's code ${code}`,
      async run(trial) {
        assert.equal((await trial.tryRun({ script: `exit ${code}` })).code, code);
      },
    }),
  ),
  {
    name: "run ends with 128 and the signal's number",
    async run(trial) {
      const { code } = await trial.tryRun({ script: "ulimit -c 0; sh -c 'kill -9 $$'; exit $?" });
      assert.equal(code, 137);
    },
  },
  {
    name: "run deletes the container, --keep does not",
    async run(trial) {
      const container = await trial.bundle({ args: ["true"] });
      const flags = ["--bundle", container.bundle, container.id];
      await trial.must(["run", ...flags]);
      assert.notEqual((await container.call("state")).code, 0);
      await trial.must(["run", "--keep", ...flags]);
      assert.equal((await container.state()).status, "stopped");
    },
    differs: { crun: "crun does not know --keep" },
  },
  {
    name: "a refused run leaves nothing",
    async run(trial) {
      const container = await trial.bundle({ args: ["/no/such/program"] });
      const result = await trial.call(["run", "--bundle", container.bundle, container.id]);
      assert.notEqual(result.code, 0);
      assert.notEqual((await container.call("state")).code, 0);
      assert.equal(existsSync(`${trial.runtime.root}/${container.id}`), false);
    },
  },
  {
    name: "delete of a running container is refused, with --force it is not",
    async run(trial) {
      const container = await trial.start();
      const pid = await container.pid();
      assert.notEqual((await container.call("delete")).code, 0);
      await trial.must(["delete", "--force", container.id]);
      await waitUntil("it is gone", () => !existsSync(`/proc/${pid}`) || undefined);
    },
  },
  {
    name: "delete of what does not exist is refused, with --force it is not",
    async run(trial) {
      assert.notEqual((await trial.call(["delete", "nobody"])).code, 0);
      assert.equal((await trial.call(["delete", "--force", "nobody"])).code, 0);
    },
  },
  {
    name: "the cgroup is gone after delete",
    async run(trial) {
      const container = await trial.start();
      const folder = `${PIDS_HIERARCHY}/${trial.sandbox.tag}/${container.id}`;
      assert.equal(existsSync(folder), true);
      await trial.must(["delete", "--force", container.id]);
      assert.equal(existsSync(folder), false);
    },
  },
  {
    name: "--pid-file",
    async run(trial) {
      const file = trial.path("pid");
      const container = await trial.start({ flags: ["--pid-file", file] });
      assert.equal(readFileSync(file, "utf8").trim(), String(await container.pid()));
    },
  },
];

const signals: ConformanceCase[] = [
  ...["TERM", "SIGTERM", "15"].map(
    (signal): ConformanceCase => ({
      name: `kill with ${signal}`,
      async run(trial) {
        const container = await trial.start({
          script: "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
        });
        await waitUntil("ready", () => container.output().includes("ready") || undefined);
        await container.must("kill", signal);
        await container.becomes("stopped");
        assert.match(container.output(), /caught/);
      },
    }),
  ),
  {
    name: "kill sends SIGTERM unless told otherwise",
    async run(trial) {
      const container = await trial.start({
        script: "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
      });
      await waitUntil("ready", () => container.output().includes("ready") || undefined);
      await container.must("kill");
      await container.becomes("stopped");
      assert.match(container.output(), /caught/);
    },
  },
  {
    name: "kill with an unknown signal is refused",
    async run(trial) {
      const container = await trial.start();
      assert.notEqual((await container.call("kill", "NONSENSE")).code, 0);
      assert.equal((await container.state()).status, "running");
    },
    differs: { crun: "crun takes it for signal 0" },
  },
  {
    name: "kill of a stopped container is refused in words that parents match",
    async run(trial) {
      const container = await trial.start({ args: ["true"] });
      await container.becomes("stopped");
      const result = await container.call("kill", "KILL");
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /not running/);
    },
    differs: { crun: CRUN_WORDS },
  },
  {
    name: "kill of a created container ends it",
    async run(trial) {
      const container = await trial.create();
      await container.must("kill", "KILL");
      await container.becomes("stopped");
    },
  },
  {
    name: "kill --all reaches the children of a container without a pid namespace",
    async run(trial) {
      const container = await trial.start({
        script: "sleep 301 & sleep 302",
        edit(config) {
          const list = config.linux["namespaces"] as { type: string }[];
          config.linux["namespaces"] = list.filter(({ type }) => type !== "pid");
        },
      });
      const procs = `${PIDS_HIERARCHY}/${trial.sandbox.tag}/${container.id}/cgroup.procs`;
      const pids = () => readFileSync(procs, "utf8").split("\n").filter(Boolean);
      await waitUntil("its children run", () => pids().length >= 2 || undefined);
      await trial.must(["kill", "--all", container.id, "KILL"]);
      await waitUntil("all are gone", () => pids().length === 0 || undefined);
    },
  },
];

const refusals: ConformanceCase[] = [
  ...["state", "start", "kill", "pause", "resume", "ps", "update"].map(
    (verb): ConformanceCase => ({
      name: `${verb} of what does not exist is refused`,
      async run(trial) {
        const result = await trial.call([verb, "nobody"]);
        assert.equal(result.code, 1);
        assert.match(result.stderr, /does not exist/);
        assert.equal(result.stdout, "");
      },
      differs: { crun: CRUN_WORDS },
    }),
  ),
  {
    name: "an unknown verb is refused",
    async run(trial) {
      assert.notEqual((await trial.call(["nonsense"])).code, 0);
    },
  },
  {
    name: "an unknown flag is refused",
    async run(trial) {
      assert.notEqual((await trial.call(["state", "--nonsense", "x"])).code, 0);
    },
  },
  {
    name: "errors go to --log as JSON, with a time that parents can read",
    async run(trial) {
      const log = trial.path("log.json");
      const result = await trial.call(["--log", log, "--log-format", "json", "state", "nobody"]);
      assert.equal(result.code, 1);
      const last = JSON.parse(readFileSync(log, "utf8").trim().split("\n").at(-1)!);
      assert.equal(last.level, "error");
      assert.match(last.msg, /does not exist/);
      assert.match(last.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    },
    differs: { crun: CRUN_WORDS },
  },
  {
    name: "exit code 255 of an exec that cannot be done",
    async run(trial) {
      const result = await trial.call(["exec", "nobody", "true"]);
      assert.equal(result.code, 255);
    },
    differs: { crun: CRUN_CODES },
  },
];

export const lifecycle: Feature = {
  name: "lifecycle",
  cases: [...states, ...ends, ...signals, ...refusals],
};
