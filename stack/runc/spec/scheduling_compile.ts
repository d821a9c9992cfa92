import { lookUp } from "./name_table.ts";
import { type PlanBuilder, specError } from "./plan_builder.ts";
import type { Process, SchedulerPolicy } from "./spec_types.ts";

const POLICIES: Record<SchedulerPolicy, number> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

const SCHEDULER_FLAGS: Record<string, bigint> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01n,
  SCHED_FLAG_RECLAIM: 0x02n,
  SCHED_FLAG_DL_OVERRUN: 0x04n,
  SCHED_FLAG_KEEP_POLICY: 0x08n,
  SCHED_FLAG_KEEP_PARAMS: 0x10n,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20n,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40n,
};

const IO_CLASSES = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;
const IO_CLASS_SHIFT = 13;

/** CPU and I/O scheduling of a process. */
export function compileScheduling(plan: PlanBuilder, process: Process): void {
  const { scheduler, ioPriority, execCPUAffinity } = process;
  if (scheduler) {
    const policy = lookUp(POLICIES, scheduler.policy);
    if (policy === undefined) {
      throw specError(`invalid scheduler policy: ${scheduler.policy}`, "process.scheduler.policy");
    }
    plan.add({
      op: "scheduler",
      policy,
      nice: scheduler.nice ?? 0,
      priority: scheduler.priority ?? 0,
      flags: schedulerFlags(scheduler.flags ?? []),
      runtime: BigInt(scheduler.runtime ?? 0),
      deadline: BigInt(scheduler.deadline ?? 0),
      period: BigInt(scheduler.period ?? 0),
    });
  }
  if (ioPriority) {
    const ioClass = lookUp(IO_CLASSES, ioPriority.class);
    if (ioClass === undefined) {
      throw specError(`invalid io priority class: ${ioPriority.class}`, "process.ioPriority.class");
    }
    if (ioPriority.priority < 0 || ioPriority.priority > 7) {
      const why = `io priority must be from 0 to 7, not ${ioPriority.priority}`;
      throw specError(why, "process.ioPriority.priority");
    }
    plan.add({ op: "io-priority", value: (ioClass << IO_CLASS_SHIFT) | ioPriority.priority });
  }
  // `initial` is the parent's, before the cgroup is joined: see exec_compile.
  const cpus = execCPUAffinity?.final;
  if (cpus) plan.add({ op: "cpu-affinity", mask: cpuMask(cpus, "process.execCPUAffinity.final") });
}

function schedulerFlags(names: readonly string[]): bigint {
  let flags = 0n;
  for (const name of names) {
    const flag = lookUp(SCHEDULER_FLAGS, name);
    if (flag === undefined) {
      throw specError(`invalid scheduler flag: ${name}`, "process.scheduler.flags");
    }
    flags |= flag;
  }
  return flags;
}

const MAX_CPUS = 8192;

/** A list such as "0-3,5" as the kernel's bit mask. */
export function cpuMask(list: string, at: string): Uint8Array {
  const mask = new Uint8Array(MAX_CPUS / 8);
  for (const part of list.split(",")) {
    const range = part.trim().match(/^(\d+)(?:-(\d+))?$/);
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? range?.[1]);
    if (!range || first > last || last >= MAX_CPUS) {
      throw specError(`invalid CPU list: ${list}`, at);
    }
    for (let cpu = first; cpu <= last; cpu++) mask[cpu >> 3]! |= 1 << (cpu & 7);
  }
  return mask;
}
