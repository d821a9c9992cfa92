import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { waitUntil } from "../../lib/wait_until.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";

const CASES: ConformanceCase[] = [
  ...[0, 3, 255].map(
    (code): ConformanceCase => ({
      name: `ends with the program's code ${code}`,
      async run(trial) {
        const container = await trial.start();
        const result = await container.tryExec([
          "sh",
          "-c",
          `echo out; echo err >&2; exit ${code}`,
        ]);
        assert.deepEqual(
          { code: result.code, stdout: result.stdout, stderr: result.stderr },
          { code, stdout: "out\n", stderr: "err\n" },
        );
      },
    }),
  ),
  {
    name: "a program that a signal ended",
    async run(trial) {
      const container = await trial.start();
      assert.equal((await container.tryExec(["sh", "-c", "kill -9 $$"])).code, 137);
    },
  },
  {
    name: "--env, --cwd and --user",
    async run(trial) {
      const container = await trial.start();
      const flags = ["--env", "A=b c", "--cwd", "/tmp", "--user", "12:13"];
      const output = await container.exec(["sh", "-c", 'echo "$A"; pwd; id -u; id -g'], flags);
      assert.equal(output, "b c\n/tmp\n12\n13");
    },
    differs: { crun: "crun loses PATH when --env is given" },
  },
  {
    name: "--additional-gids",
    async run(trial) {
      const container = await trial.start();
      const flags = ["--user", "1:1", "--additional-gids", "5", "--additional-gids", "6"];
      const output = await container.exec(["id", "-G"], flags);
      assert.equal(output, "1 5 6");
    },
    differs: { crun: "crun does not know the flag" },
  },
  {
    name: "by a process.json",
    async run(trial) {
      const container = await trial.start();
      const { process } = container.config();
      const result = await container.execFile({
        ...process,
        args: ["sh", "-c", "echo $FROM; pwd"],
        env: ["PATH=/bin", "FROM=file"],
        cwd: "/etc",
      });
      assert.equal(result.stdout, "file\n/etc\n");
    },
  },
  {
    name: "--detach with --pid-file",
    async run(trial) {
      const container = await trial.start();
      const file = trial.path("pid");
      const flags = ["--detach", "--pid-file", file];
      await trial.must(["exec", ...flags, container.id, "sleep", "300"]);
      const pid = Number(readFileSync(file, "utf8"));
      assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /^sleep.300.$/);
    },
  },
  {
    name: "stdin goes to the program",
    async run(trial) {
      const container = await trial.start();
      const result = await container.tryExec(["wc", "-c"], [], { stdin: "x".repeat(200_000) });
      assert.equal(result.stdout.trim(), "200000");
    },
  },
  {
    name: "a missing program",
    async run(trial) {
      const container = await trial.start();
      const result = await container.tryExec(["no-such-program"]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /no-such-program.*not found/s);
    },
  },
  {
    name: "a file that is no program",
    async run(trial) {
      const container = await trial.start();
      const result = await container.tryExec(["/etc/passwd"]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /permission denied/i);
    },
  },
  {
    name: "a folder that is not there",
    async run(trial) {
      const container = await trial.start();
      const result = await container.tryExec(["true"], ["--cwd", "/no/such"]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /no\/such|no such/);
    },
  },
  {
    name: "in a stopped container it is refused",
    async run(trial) {
      const container = await trial.start({ args: ["true"] });
      await container.becomes("stopped");
      const result = await container.tryExec(["true"]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /stopped|not running/);
    },
  },
  {
    name: "in a created container it works",
    async run(trial) {
      const container = await trial.create();
      assert.equal(await container.exec(["echo", "early"]), "early");
    },
  },
  {
    name: "the program is in the container's cgroup",
    async run(trial) {
      const container = await trial.start();
      const own = await container.exec(["cat", "/proc/self/cgroup"]);
      assert.equal(own, readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8").trim());
    },
  },
  {
    name: "a hundred kilobytes of arguments",
    async run(trial) {
      const container = await trial.start();
      const long = "x".repeat(100_000);
      assert.equal(await container.exec(["echo", long]), long);
    },
  },
  {
    name: "twenty at once",
    async run(trial) {
      const container = await trial.start();
      const names = Array.from({ length: 20 }, (_, index) => String(index));
      const said = await Promise.all(names.map((name) => container.exec(["echo", name])));
      assert.deepEqual(said, names);
    },
  },
  {
    name: "the end of an exec does not end the container",
    async run(trial) {
      const container = await trial.start();
      await container.exec(["sh", "-c", "sleep 0.2 & exit 0"]);
      await waitUntil("the orphan ended", async () => {
        const list = await container.exec(["ps", "-o", "args"]);
        return !list.includes("sleep 0.2") || undefined;
      });
      assert.equal((await container.state()).status, "running");
    },
  },
];

export const exec: Feature = { name: "exec", cases: CASES };
