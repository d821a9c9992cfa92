import { BOTH, type FaultRow, patient } from "../fault_row.ts";
import type { FaultStack } from "../fault_stack.ts";

export const zombies: FaultRow = {
  id: "zombies",
  link: "app",
  injection: "a first process that does not reap 40 children",
  stacks: BOTH,
  noError: "an exec starts until the limit is reached, then pids-cgroup-full",
  async inject(stack) {
    const script = "for i in $(seq 1 40); do sleep 0.1 & done; exec sleep 100000";
    const name = await stack.run([], ["sh", "-c", script]);
    await Bun.sleep(1000);
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const script = "for i in $(seq 1 40); do sleep 0.1 & done; wait; exec sleep 100000";
    const name = await stack.run([], ["sh", "-c", script]);
    await Bun.sleep(1000);
    return patient(stack, name);
  },
};

/** Execs whose program outlives its caller, as a probe's does that ran into its time-out. */
async function orphans(stack: FaultStack, count: number): Promise<string> {
  const name = await stack.run(["--pids-limit", "24"]);
  for (let i = 0; i < count; i++) await stack.must("exec", "-d", name, "sleep", "1000");
  return name;
}

export const probePileup: FaultRow = {
  id: "probe-pileup",
  link: "kubelet",
  injection: "14 execs that never end, --pids-limit 24",
  stacks: BOTH,
  noError: "an exec starts until the limit is reached, then pids-cgroup-full",
  inject: async (stack) => patient(stack, await orphans(stack, 14)),
  lookAlike: async (stack) => patient(stack, await orphans(stack, 2)),
};
