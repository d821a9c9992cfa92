import { lookUp } from "./name_table.ts";
import { type PlanBuilder, specError } from "./plan_builder.ts";
import { cpuMask } from "./scheduling_compile.ts";
import type { Linux } from "./spec_types.ts";

/** linux/mempolicy.h. */
const MODES = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const;

const FLAGS = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
} as const;

/** Names that are understood: for `features`. */
export const MEMORY_MODES: readonly string[] = Object.keys(MODES);
export const MEMORY_FLAGS: readonly string[] = Object.keys(FLAGS);

/** The kernel refuses masks beyond what it was built for; 1024 nodes is the most there is. */
const MASK_BYTES = 1024 / 8;

const AT = "linux.memoryPolicy";

/** On which memory nodes the program's pages are put. */
export function compileMemoryPolicy(plan: PlanBuilder, linux: Linux | undefined): void {
  const wanted = linux?.memoryPolicy;
  if (!wanted) return;
  const mode = lookUp<number>(MODES, wanted.mode);
  if (mode === undefined) throw specError(`invalid memory policy: ${wanted.mode}`, `${AT}.mode`);
  let bits = mode;
  for (const name of wanted.flags ?? []) {
    const flag = lookUp<number>(FLAGS, name);
    if (flag === undefined) throw specError(`invalid memory policy flag: ${name}`, `${AT}.flags`);
    bits |= flag;
  }
  const nodes = wanted.nodes ? cpuMask(wanted.nodes, `${AT}.nodes`) : new Uint8Array();
  if (nodes.subarray(MASK_BYTES).some((byte) => byte !== 0)) {
    throw specError(`invalid memory nodes: ${wanted.nodes}`, `${AT}.nodes`);
  }
  plan.add({ op: "memory-policy", mode: bits, nodes: nodes.subarray(0, MASK_BYTES) });
}

/** What of the specification this runtime cannot do is refused: ignoring it would be a surprise. */
export function refuseUnsupported(linux: Linux | undefined): void {
  if (Object.keys(linux?.netDevices ?? {}).length > 0) {
    throw specError("moving network devices is not supported", "linux.netDevices");
  }
  const rdt = linux?.intelRdt;
  if (!rdt) return;
  if (rdt.l3CacheSchema || rdt.memBwSchema || rdt.schemata?.length || rdt.closID) {
    throw specError("Intel RDT is not supported", "linux.intelRdt");
  }
}
