import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { addBind } from "../harness/config_edits.ts";
import type { Trial } from "../harness/trial.ts";

const OUTSIDE = ["prestart", "createRuntime", "poststart", "poststop"];
const ALL = [
  ...["prestart", "createRuntime", "createContainer"],
  ...["startContainer", "poststart", "poststop"],
];

/** A hook that appends its kind and the state that it got to a file. */
function recorder(trial: Trial) {
  const folder = trial.folder("hooks");
  const script = trial.path("hooks", "hook.sh");
  writeFileSync(
    script,
    `#!/bin/sh
{ echo "$1 $(readlink /proc/self/ns/net) $(cat | tr -d '\\n')"; } >> ${folder}/log
`,
    { mode: 0o755 },
  );
  const edit = (config: RuntimeConfig) => {
    addBind(config, folder, { source: folder });
    config["hooks"] = Object.fromEntries(
      ALL.map((kind) => [kind, [{ path: "/bin/sh", args: ["sh", script, kind] }]]),
    );
    config["annotations"] = { "org.example.key": "value" };
  };
  const lines = () => {
    const log = `${folder}/log`;
    const text = existsSync(log) ? readFileSync(log, "utf8").trim() : "";
    return text.split("\n").map((line) => {
      const [kind, network, ...rest] = line.split(" ");
      return { kind: kind!, network: network!, state: rest.join(" ") };
    });
  };
  return { edit, lines };
}

const failing = (kind: string) => (config: RuntimeConfig) => {
  config["hooks"] = {
    [kind]: [{ path: "/bin/sh", args: ["sh", "-c", "echo told >&2; exit 9"] }],
  };
};

const CASES: ConformanceCase[] = [
  {
    name: "all six, in order, with the status that each is owed",
    async run(trial) {
      const { edit, lines } = recorder(trial);
      const container = await trial.create({ script: "read x", edit, ownRoot: true });
      const before = ["prestart", "createRuntime", "createContainer"];
      assert.deepEqual(
        lines().map(({ kind }) => kind),
        before,
      );
      await container.must("start");
      await container.becomes("stopped");
      await container.must("delete");
      assert.deepEqual(
        lines().map(({ kind }) => kind),
        ALL,
      );
      for (const { kind, state } of lines()) {
        const told = JSON.parse(state);
        assert.equal(told.id, container.id, kind);
        assert.equal(typeof told.ociVersion, "string", kind);
        assert.equal(told.bundle, container.bundle, kind);
        assert.deepEqual(told.annotations, { "org.example.key": "value" }, kind);
      }
      const statuses = Object.fromEntries(
        lines().map(({ kind, state }) => [kind, JSON.parse(state).status]),
      );
      assert.equal(statuses["prestart"], "creating");
      assert.equal(statuses["createRuntime"], "creating");
      assert.equal(statuses["createContainer"], "creating");
      assert.equal(statuses["startContainer"], "created");
      assert.equal(statuses["poststart"], "running");
      assert.equal(statuses["poststop"], "stopped");
    },
    differs: { crun: "crun 1.8 says created to the hooks of creation" },
    unjudged: { runc: "runc 1.1 runs poststart before or after startContainer, by chance" },
  },
  {
    name: "those of the runtime run outside, those of the container inside",
    async run(trial) {
      const { edit, lines } = recorder(trial);
      const container = await trial.start({ args: ["sleep", "300"], edit, ownRoot: true });
      const pid = await container.pid();
      const inside = readlinkSync(`/proc/${pid}/ns/net`);
      const host = readlinkSync("/proc/self/ns/net");
      await waitUntil("poststart ran", () => lines().length >= 5 || undefined);
      for (const { kind, network } of lines()) {
        assert.equal(network, OUTSIDE.includes(kind) ? host : inside, kind);
      }
    },
  },
  {
    name: "the state's pid is the container's, as the host counts",
    async run(trial) {
      const { edit, lines } = recorder(trial);
      const container = await trial.start({ args: ["sleep", "300"], edit, ownRoot: true });
      const pid = await container.pid();
      for (const { kind, state } of lines()) {
        if (kind === "prestart" || kind === "createRuntime" || kind === "poststart") {
          assert.equal(JSON.parse(state).pid, pid, kind);
        }
      }
    },
  },
  ...["prestart", "createRuntime", "createContainer", "startContainer"].map(
    (kind): ConformanceCase => ({
      name: `a failing ${kind} hook ends the container`,
      async run(trial) {
        const said = await trial.refused({ edit: failing(kind), args: ["true"] });
        assert.match(said, /hook|told|9/);
      },
      unjudged: { crun: "crun says now and then no more than that its pipe broke" },
    }),
  ),
  {
    name: "a failing poststop hook does not keep the container",
    async run(trial) {
      const container = await trial.start({ args: ["true"], edit: failing("poststop") });
      await container.becomes("stopped");
      await container.call("delete");
      assert.notEqual((await container.call("state")).code, 0);
    },
    unjudged: { crun: "crun keeps it now and then" },
  },
  {
    name: "a hook that takes too long is killed",
    async run(trial) {
      const began = Date.now();
      const said = await trial.refused({
        args: ["true"],
        edit(config) {
          config["hooks"] = {
            createRuntime: [{ path: "/bin/sleep", args: ["sleep", "20"], timeout: 1 }],
          };
        },
      });
      assert.ok(Date.now() - began < 10_000, said);
    },
  },
  {
    name: "a hook's environment is what was given and nothing else",
    async run(trial) {
      const folder = trial.folder("out");
      await trial.run({
        args: ["true"],
        env: { SECRET_OF_HOST: "1" },
        edit(config) {
          config["hooks"] = {
            createRuntime: [
              {
                path: "/usr/bin/env",
                args: ["env", "sh", "-c", `env > ${folder}/env`],
                env: ["A=b"],
              },
            ],
          };
        },
      });
      const text = readFileSync(`${folder}/env`, "utf8");
      assert.match(text, /^A=b$/m);
      assert.doesNotMatch(text, /SECRET_OF_HOST/);
    },
  },
  {
    name: "a missing hook is refused by its path",
    async run(trial) {
      const said = await trial.refused({
        args: ["true"],
        edit(config) {
          config["hooks"] = { createRuntime: [{ path: "/no/such/hook" }] };
        },
      });
      assert.match(said, /no\/such\/hook/);
    },
  },
  {
    name: "a startContainer hook is looked for in the container",
    async run(trial) {
      const output = await trial.run({
        script: "cat /tmp/by-hook",
        ownRoot: true,
        edit(config) {
          config["hooks"] = {
            startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "echo inside > /tmp/by-hook"] }],
          };
        },
      });
      assert.equal(output, "inside");
    },
  },
];

export const hooks: Feature = { name: "hooks", cases: CASES };
