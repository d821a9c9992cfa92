import { readFileSync } from "node:fs";
import { waitUntil } from "../../lib/wait_until.ts";
import { BOTH, type FaultRow, GENUINE_ONLY, patient } from "../fault_row.ts";
import type { FaultStack } from "../fault_stack.ts";

async function ended(stack: FaultStack, name: string): Promise<void> {
  await waitUntil(`${name} ended`, async () => {
    return (await stack.inspect(name, "{{.State.Running}}")) === "false";
  });
}

export const paused: FaultRow = {
  id: "paused",
  link: "dockerd",
  injection: "docker pause",
  stacks: BOTH,
  async inject(stack) {
    const name = await stack.run([]);
    await stack.must("pause", name);
    return {
      container: name,
      heal: async () => {
        await stack.docker("unpause", name);
        await stack.remove(name);
      },
    };
  },
  async lookAlike(stack) {
    const name = await stack.run([]);
    await stack.must("pause", name);
    await stack.must("unpause", name);
    return patient(stack, name);
  },
};

export const notRunning: FaultRow = {
  id: "not-running",
  link: "dockerd",
  injection: "run true",
  stacks: BOTH,
  async inject(stack) {
    const name = await stack.run([], ["true"]);
    await ended(stack, name);
    return patient(stack, name);
  },
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

export const shimKilled: FaultRow = {
  id: "shim-killed",
  link: "shim",
  injection: "kill -9 SHIM",
  stacks: GENUINE_ONLY,
  async inject(stack) {
    const name = await stack.run([]);
    process.kill(await stack.shimPid(name), "SIGKILL");
    await ended(stack, name);
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const name = await stack.run([]);
    process.kill(await stack.initPid(name), "SIGKILL");
    await ended(stack, name);
    return { ...patient(stack, name), expects: "not-running" };
  },
};

function stopped(
  id: string,
  link: string,
  injection: string,
  pidOf: (stack: FaultStack, name: string) => Promise<number>,
  stacks: FaultRow["stacks"],
  own: Pick<FaultRow, "request" | "noError"> = {},
): FaultRow {
  return {
    id,
    link,
    injection,
    stacks,
    ...own,
    async inject(stack) {
      const name = await stack.run([]);
      const pid = await pidOf(stack, name);
      process.kill(pid, "SIGSTOP");
      return {
        container: name,
        heal: async () => {
          process.kill(pid, "SIGCONT");
          await stack.remove(name);
        },
      };
    },
    async lookAlike(stack) {
      const name = await stack.run([]);
      const pid = await pidOf(stack, name);
      process.kill(pid, "SIGSTOP");
      process.kill(pid, "SIGCONT");
      return patient(stack, name);
    },
  };
}

export const shimHung = stopped(
  "shim-hung",
  "shim",
  "kill -STOP SHIM",
  (stack, name) => stack.shimPid(name),
  BOTH,
);

export const containerdHung = stopped(
  "containerd-hung",
  "containerd",
  "kill -STOP containerd",
  async (stack) => stack.containerd.pid,
  GENUINE_ONLY,
);

export const dockerdHung = stopped(
  "dockerd-hung",
  "dockerd",
  "kill -STOP dockerd",
  async (stack) => stack.dockerd.pid,
  BOTH,
  { noError: "who could answer is stopped: a client waits" },
);

export const keeperHung = stopped(
  "keeper-hung",
  "keeper",
  "kill -STOP the keeper",
  async (stack, name) => {
    const stat = readFileSync(`/proc/${await stack.initPid(name)}/stat`, "utf8");
    return Number(stat.split(") ")[1]!.split(" ")[1]);
  },
  ["catena"],
);

export const appStopped = stopped(
  "app-stopped",
  "app",
  "kill -STOP the first process",
  (stack, name) => stack.initPid(name),
  BOTH,
  { noError: "an exec starts beside the stopped program" },
);

function killed(id: string, link: "containerd" | "dockerd", stacks: FaultRow["stacks"]): FaultRow {
  return {
    id,
    link,
    injection: `kill -9 ${link}`,
    stacks,
    noError: "nobody is left to answer; catena exec says dockerd-down",
    async inject(stack) {
      const name = await stack.run([]);
      await stack[link].kill();
      return {
        container: name,
        heal: async () => {
          await stack[link].start();
          await waitUntil("docker answers again", async () => {
            return (await stack.docker("ps")).code === 0;
          });
          await stack.remove(name);
        },
      };
    },
    lookAlike: async (stack) => patient(stack, await stack.run([])),
  };
}

export const containerdDown = killed("containerd-down", "containerd", BOTH);
export const dockerdDown = killed("dockerd-down", "dockerd", GENUINE_ONLY);

export const slowLink: FaultRow = {
  id: "slow-link",
  link: "any",
  injection: "a runtime whose exec takes 4 s longer",
  stacks: GENUINE_ONLY,
  inject: async (stack) => patient(stack, await stack.run(["--runtime", "slow"])),
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

export const healthTimeout: FaultRow = {
  id: "health-timeout",
  link: "dockerd",
  injection: "--health-cmd 'sleep 100' --health-timeout 1s",
  stacks: BOTH,
  noError: "no request fails: State.Health.Log says that the check took too long",
  async inject(stack) {
    const flags = ["--health-cmd", "sleep 100", "--health-interval", "1s"];
    const name = await stack.run([...flags, "--health-timeout", "1s"]);
    await waitUntil(`${name} failed a health check`, async () => {
      return (await stack.inspect(name, "{{.State.Health.FailingStreak}}")) !== "0";
    });
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const flags = ["--health-cmd", "false", "--health-interval", "1s", "--health-timeout", "5s"];
    const name = await stack.run(flags);
    await waitUntil(`${name} failed a health check`, async () => {
      return (await stack.inspect(name, "{{.State.Health.FailingStreak}}")) !== "0";
    });
    return patient(stack, name);
  },
};
