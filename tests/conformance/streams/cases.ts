import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { cannotReceive, DescriptorReceiver } from "../harness/descriptor_receiver.ts";

const terminals: ConformanceCase[] = [
  {
    name: "a terminal by way of the console socket",
    async run(trial) {
      const receiver = await DescriptorReceiver.start(trial);
      const container = await trial.create({
        script: "tty; stty size; test -c /dev/console && echo console",
        terminal: true,
        flags: ["--console-socket", receiver.socket],
        edit(config) {
          config.process["consoleSize"] = { height: 33, width: 77 };
        },
      });
      await receiver.shows(/message/);
      await container.must("start");
      await receiver.shows(/console/);
      assert.match(receiver.text, /\/dev\/(pts\/0|console)\r\n33 77\r\nconsole/);
    },
    skip: cannotReceive,
  },
  {
    name: "a terminal of an exec",
    async run(trial) {
      const receiver = await DescriptorReceiver.start(trial);
      const container = await trial.start();
      const flags = ["--tty", "--detach", "--console-socket", receiver.socket];
      const result = await container.tryExec(["sh", "-c", "tty; echo seen"], flags);
      assert.equal(result.code, 0, result.stderr);
      await receiver.shows(/seen/);
      assert.match(receiver.text, /\/dev\/pts\/\d+\r\nseen/);
    },
    skip: cannotReceive,
  },
  {
    name: "a terminal without a console socket is refused when detached",
    async run(trial) {
      const container = await trial.bundle({ args: ["true"], terminal: true });
      const result = await trial.call(["create", "--bundle", container.bundle, container.id]);
      assert.notEqual(result.code, 0);
    },
  },
  {
    name: "a console socket without a terminal is refused",
    async run(trial) {
      const receiver = await DescriptorReceiver.start(trial);
      const container = await trial.bundle({ args: ["true"] });
      const flags = ["--console-socket", receiver.socket, "--bundle", container.bundle];
      assert.notEqual((await trial.call(["create", ...flags, container.id])).code, 0);
    },
    skip: cannotReceive,
    differs: { crun: "crun leaves the socket alone" },
  },
];

const streams: ConformanceCase[] = [
  {
    name: "stdin, stdout and stderr are the runtime's own",
    async run(trial) {
      const result = await trial.tryRun({ script: "cat; echo err >&2", stdin: "through\n" });
      assert.equal(result.stdout, "through\n");
      assert.equal(result.stderr, "err\n");
    },
  },
  {
    name: "a megabyte of output arrives whole",
    async run(trial) {
      const result = await trial.tryRun({ script: "head -c 1000000 /dev/zero | tr '\\0' x" });
      assert.equal(result.stdout.length, 1_000_000);
    },
  },
  {
    name: "no descriptor but the three reaches the program",
    async run(trial) {
      const output = await trial.run({ args: ["probe", "fds"] });
      const numbers = output.split("\n").map((line) => Number(line.split(" ")[0]));
      assert.deepEqual(
        numbers.filter((fd) => fd > 2),
        [],
        output,
      );
    },
  },
  {
    name: "no descriptor but the three reaches an exec",
    async run(trial) {
      const container = await trial.start();
      const output = await container.exec(["probe", "fds"]);
      const numbers = output.split("\n").map((line) => Number(line.split(" ")[0]));
      assert.deepEqual(
        numbers.filter((fd) => fd > 2),
        [],
        output,
      );
    },
  },
  {
    name: "--preserve-fds hands on as many as it says",
    async run(trial) {
      const fds = [openSync("/etc/hostname", "r"), openSync("/etc/hosts", "r")];
      try {
        const flags = ["--preserve-fds", "1"];
        const output = await trial.run({ args: ["probe", "fds"], fds, flags });
        assert.match(output, /^3 .*hostname$/m);
        assert.doesNotMatch(output, /^4 /m);
      } finally {
        for (const fd of fds) closeSync(fd);
      }
    },
  },
  {
    name: "LISTEN_FDS are handed on",
    async run(trial) {
      const fds = [openSync("/etc/hostname", "r")];
      try {
        const env = { LISTEN_FDS: "1" };
        const output = await trial.run({ script: "probe fds; env | grep LISTEN", fds, env });
        assert.match(output, /^3 .*hostname$/m);
        assert.match(output, /^LISTEN_FDS=1$/m);
        assert.match(output, /^LISTEN_PID=1$/m);
      } finally {
        closeSync(fds[0]!);
      }
    },
    unjudged: { crun: "crun hands them on in some versions only" },
  },
  {
    name: "the environment of the runtime does not reach the program",
    async run(trial) {
      const output = await trial.run({ args: ["env"], env: { SECRET_OF_HOST: "1" } });
      assert.doesNotMatch(output, /SECRET_OF_HOST/);
    },
  },
];

const services: ConformanceCase[] = [
  {
    name: "a session keyring of its own, named after the container",
    async run(trial) {
      const container = await trial.start({
        edit: (config) => Object.assign(config.linux, { maskedPaths: [] }),
      });
      assert.match(await container.exec(["cat", "/proc/keys"]), /_ses\.?/);
    },
  },
  {
    name: "--no-new-keyring",
    async run(trial) {
      const output = await trial.run({
        script: "cat /proc/keys; true",
        flags: ["--no-new-keyring"],
        edit: (config) => Object.assign(config.linux, { maskedPaths: [] }),
      });
      assert.doesNotMatch(output, new RegExp(trial.tag));
    },
  },
  {
    name: "--pidfd-socket gets the process's descriptor",
    async run(trial) {
      const receiver = await DescriptorReceiver.start(trial);
      await trial.create({ flags: ["--pidfd-socket", receiver.socket] });
      await receiver.shows(/message .*pidfd/);
    },
    skip: cannotReceive,
    differs: { runc: "came with runc 1.2", crun: "crun does not have it" },
  },
];

export const streamsFeature: Feature = {
  name: "streams",
  cases: [...terminals, ...streams, ...services],
};
