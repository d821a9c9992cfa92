import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";

const states: ConformanceCase[] = [
  {
    name: "state has the fields of the specification",
    async run(trial) {
      const container = await trial.start({
        edit(config) {
          config["annotations"] = { "org.example.a": "b" };
        },
      });
      const state = await container.state();
      assert.equal(typeof state.ociVersion, "string");
      assert.equal(state.id, container.id);
      assert.equal(state.status, "running");
      assert.equal(state.bundle, container.bundle);
      assert.ok(state.pid > 1);
      assert.equal(state.annotations?.["org.example.a"], "b");
    },
  },
  {
    name: "state has runc's own fields too",
    async run(trial) {
      const state = await (await trial.start()).state();
      assert.match(state.created, /^\d{4}-\d\d-\d\dT/);
      assert.match(state.rootfs, /rootfs/);
      assert.equal(typeof state.owner, "string");
    },
  },
  {
    name: "the pid of a stopped container is 0",
    async run(trial) {
      const container = await trial.start({ args: ["true"] });
      await container.becomes("stopped");
      assert.equal((await container.state()).pid, 0);
    },
  },
];

const lists: ConformanceCase[] = [
  {
    name: "list as a table",
    async run(trial) {
      const container = await trial.start();
      const [head = "", ...lines] = (await trial.must(["list"])).trim().split("\n");
      const columns = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
      for (const column of columns) assert.ok(head.includes(column), head);
      const line = lines.find((text) => text.startsWith(container.id));
      assert.match(line ?? "", new RegExp(`${await container.pid()} +running`));
    },
  },
  {
    name: "list as JSON",
    async run(trial) {
      const container = await trial.start();
      const list = JSON.parse(await trial.must(["list", "--format", "json"]));
      const found = list.find(({ id }: { id: string }) => id === container.id);
      assert.equal(found.status, "running");
      assert.equal(found.pid, await container.pid());
    },
  },
  {
    name: "list --quiet",
    async run(trial) {
      const container = await trial.start();
      const ids = (await trial.must(["list", "--quiet"])).trim().split("\n");
      assert.ok(ids.includes(container.id));
    },
  },
  {
    name: "list of a root that is not there is empty",
    async run(trial) {
      const { argv } = trial.runtime;
      const child = Bun.spawnSync([...argv, "--root", trial.path("none"), "list", "-q"]);
      assert.equal(child.stdout.toString(), "");
    },
  },
  {
    name: "ps as a table, with ps's own options",
    async run(trial) {
      const container = await trial.start();
      const output = await trial.must(["ps", container.id]);
      assert.match(output.split("\n")[0]!, /PID/);
      assert.match(output, new RegExp(`\\b${await container.pid()}\\b`));
    },
    skip: () => (Bun.which("ps") ? undefined : "no ps"),
  },
  {
    name: "ps as JSON",
    async run(trial) {
      const container = await trial.start();
      const pids = JSON.parse(await trial.must(["ps", "--format", "json", container.id]));
      assert.deepEqual(pids, [await container.pid()]);
    },
  },
];

const reports: ConformanceCase[] = [
  {
    name: "events --stats",
    async run(trial) {
      const container = await trial.start();
      const event = JSON.parse(await trial.must(["events", "--stats", container.id]));
      assert.equal(event.type, "stats");
      assert.equal(event.id, container.id);
      assert.equal(event.data.pids.current, 1);
      assert.ok(event.data.cpu.usage.total > 0);
      assert.ok(event.data.memory.usage.usage > 0);
    },
    differs: { crun: "crun has no events" },
  },
  {
    name: "spec writes a configuration that runs",
    async run(trial) {
      const folder = trial.folder("spec");
      await trial.must(["spec", "--bundle", folder]);
      const written = JSON.parse(readFileSync(`${folder}/config.json`, "utf8"));
      assert.equal(written.process.args[0], "sh");
      const output = await trial.run({
        edit(config) {
          const { cgroupsPath } = config.linux;
          const { root } = config;
          for (const key of Object.keys(config)) delete (config as Record<string, unknown>)[key];
          Object.assign(config, written);
          Object.assign(config.process, { terminal: false, args: ["echo", "ran"] });
          Object.assign(config.linux, { cgroupsPath });
          Object.assign(config, { root });
        },
      });
      assert.equal(output, "ran");
    },
  },
  {
    name: "spec does not overwrite",
    async run(trial) {
      const folder = trial.folder("spec");
      await trial.must(["spec", "--bundle", folder]);
      assert.notEqual((await trial.call(["spec", "--bundle", folder])).code, 0);
    },
  },
  {
    name: "spec --rootless has a user namespace",
    async run(trial) {
      const folder = trial.folder("spec");
      await trial.must(["spec", "--rootless", "--bundle", folder]);
      const { linux } = JSON.parse(readFileSync(`${folder}/config.json`, "utf8"));
      assert.ok(linux.namespaces.some(({ type }: { type: string }) => type === "user"));
      assert.equal(linux.uidMappings.length, 1);
    },
    differs: { crun: "crun writes no maps" },
  },
  {
    name: "features",
    async run(trial) {
      const features = JSON.parse(await trial.must(["features"]));
      assert.match(features.ociVersionMin, /^1\./);
      assert.ok(features.hooks.includes("createRuntime"));
      assert.ok(features.mountOptions.includes("rro"));
      assert.ok(features.linux.namespaces.includes("cgroup"));
      assert.equal(features.linux.seccomp.enabled, true);
      assert.equal(features.linux.cgroup.v1, true);
    },
    differs: { crun: "crun has it since 1.8.6" },
  },
  {
    name: "--version names the specification",
    async run(trial) {
      const output = await trial.must(["--version"]);
      assert.match(output, /spec: 1\.\d+\.\d+/);
    },
  },
];

export const outputs: Feature = { name: "outputs", cases: [...states, ...lists, ...reports] };
