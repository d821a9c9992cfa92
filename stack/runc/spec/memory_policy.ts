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
const WORD_BITS = 64;

/** A policy as libcontainer keeps it: numbers, and the nodes as words of 64 bits. */
export interface MemoryPolicyConfig {
  mode?: number;
  flags?: number;
  nodes?: number[];
}

/** On which memory nodes the program's pages are put. */
export function compileMemoryPolicy(plan: PlanBuilder, linux: Linux | undefined): void {
  const wanted = linux?.memoryPolicy;
  if (!wanted) return;
  const { mode, flags, nodes } = readPolicy(wanted);
  plan.add({ op: "memory-policy", mode: mode | flags, nodes });
}

type MemoryPolicy = NonNullable<Linux["memoryPolicy"]>;

/** The numbers of a policy. Throws a ChainError, in runc's words, for one that is none. */
function readPolicy({ mode: name, flags: names = [], nodes: list = "" }: MemoryPolicy) {
  const mode = lookUp<number>(MODES, name);
  if (mode === undefined) {
    throw specError(`invalid memory policy mode ${JSON.stringify(name)}`, `${AT}.mode`);
  }
  const nodes = list === "" ? new Uint8Array() : nodeMask(list);
  let flags = 0;
  for (const flagName of names) {
    const flag = lookUp<number>(FLAGS, flagName);
    if (flag === undefined) {
      throw specError(`invalid memory policy flag ${JSON.stringify(flagName)}`, `${AT}.flags`);
    }
    flags |= flag;
  }
  checkNodes(mode, nodes);
  return { mode, flags, nodes };
}

function nodeMask(list: string): Uint8Array {
  const why = `invalid memory policy nodes ${JSON.stringify(list)}`;
  let nodes: Uint8Array;
  try {
    nodes = cpuMask(list, `${AT}.nodes`);
  } catch {
    throw specError(why, `${AT}.nodes`);
  }
  if (nodes.subarray(MASK_BYTES).some((byte) => byte !== 0)) throw specError(why, `${AT}.nodes`);
  return nodes.subarray(0, MASK_BYTES);
}

function checkNodes(mode: number, nodes: Uint8Array): void {
  const count = nodes.reduce((sum, byte) => sum + bitsOf(byte), 0);
  if (mode === MODES.MPOL_DEFAULT || mode === MODES.MPOL_LOCAL) {
    if (count === 0) return;
    throw specError(`memory policy mode requires 0 nodes but got ${count}`, `${AT}.nodes`);
  }
  if (mode === MODES.MPOL_PREFERRED || count > 0) return;
  throw specError("memory policy mode requires at least one node but got 0", `${AT}.nodes`);
}

const bitsOf = (byte: number) => byte.toString(2).replaceAll("0", "").length;

/** A spec's policy as state.json has it. Throws a ChainError when it is wrong. */
export function memoryPolicyConfig(wanted: MemoryPolicy): MemoryPolicyConfig {
  const { mode, flags, nodes } = readPolicy(wanted);
  const config: MemoryPolicyConfig = { mode, flags };
  if (nodes.length > 0) {
    const words = new BigUint64Array(nodes.slice().buffer);
    config.nodes = Array.from(words, Number);
  }
  return config;
}

/**
 * The policy that a state.json has, as a spec's; undefined for one of a later release that we have
 * no names for. Words are exact up to node 52 of each 64, which is beyond what is built.
 */
export function memoryPolicyOf(config: MemoryPolicyConfig): MemoryPolicy | undefined {
  const mode = Object.entries(MODES).find(([, value]) => value === (config.mode ?? 0))?.[0];
  if (mode === undefined) return undefined;
  const flags = Object.entries(FLAGS).filter(([, bit]) => ((config.flags ?? 0) & bit) !== 0);
  const nodes = (config.nodes ?? []).flatMap((word, index) => {
    const bits = BigInt(word).toString(2).split("").reverse();
    return bits.flatMap((bit, at) => (bit === "1" ? [index * WORD_BITS + at] : []));
  });
  return { mode, flags: flags.map(([name]) => name), nodes: nodes.join(",") };
}

/**
 * Intel RDT is beyond this runtime: it is refused, in runc's words where that has some, since to
 * ignore it would be a surprise.
 */
export function refuseUnsupported(linux: Linux | undefined): void {
  const rdt = linux?.intelRdt;
  if (!rdt) return;
  const at = "linux.intelRdt";
  const { closID = "", l3CacheSchema, memBwSchema } = rdt;
  if (closID === "." || closID === ".." || closID.includes("/")) {
    throw specError(`invalid intelRdt.ClosID ${JSON.stringify(closID)}`, `${at}.closID`);
  }
  const missing = (name: string, part: string) =>
    specError(
      `intelRdt.${name} is specified in config, but Intel RDT/${part} is not enabled`,
      `${at}.${name}`,
    );
  if (l3CacheSchema) throw missing("l3CacheSchema", "CAT");
  if (memBwSchema) throw missing("memBwSchema", "MBA");
  if (rdt.schemata?.length || closID !== "") {
    throw specError("intelRdt is specified in config, but Intel RDT is not enabled", at);
  }
}
