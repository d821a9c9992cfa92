import { readDescriptor, readText } from "#lib/linux/file.ts";
import { checkShape } from "../spec/schema_shapes.ts";
import type { LinuxResources } from "../spec/spec_resources.ts";
import { RESOURCES_SHAPE } from "../spec/spec_schema.ts";
import { parseObject } from "./bundle_config.ts";
import { parseBytes } from "./byte_sizes.ts";
import { refuse } from "./command_failure.ts";
import type { Command, FlagSpec } from "./command_types.ts";
import { updateContainer } from "./container_update.ts";
import type { Flags } from "./flag_parse.ts";

const text = (name: string, usage: string): FlagSpec => ({ name, kind: "string", usage });

const UPDATE_FLAGS: FlagSpec[] = [
  {
    name: "resources",
    alias: "r",
    kind: "string",
    usage: "file with linux.resources as JSON, - for stdin; other flags are ignored then",
  },
  { name: "blkio-weight", kind: "int", usage: "10 to 1000", default: "0" },
  text("cpu-period", "CFS period, microseconds"),
  text("cpu-quota", "CFS quota in each period, microseconds"),
  text("cpu-burst", "CFS burst, microseconds"),
  text("cpu-share", "relative weight among containers"),
  text("cpu-rt-period", "real-time period, microseconds"),
  text("cpu-rt-runtime", "real-time share of each period, microseconds"),
  text("cpuset-cpus", "CPUs to use"),
  text("cpuset-mems", "memory nodes to use"),
  text("kernel-memory", "ignored, as by runc"),
  text("kernel-memory-tcp", "ignored, as by runc"),
  text("memory", "memory limit, bytes or with a unit"),
  text("memory-reservation", "soft memory limit"),
  text("memory-swap", "memory and swap together; -1 for no limit"),
  { name: "pids-limit", kind: "int", usage: "most processes; -1 for no limit", default: "0" },
  text("l3-cache-schema", "Intel RDT, not supported"),
  text("mem-bw-schema", "Intel RDT, not supported"),
  text("cpu-idle", "1 to run only when nothing else wants to"),
];

/** Those that may be negative; the others are what Go calls unsigned. */
const SIGNED = new Set(["cpu-quota", "cpu-rt-runtime", "cpu-idle"]);

function integer(flags: Flags, name: string): number | undefined {
  const value = flags.text(name);
  if (value === "") return undefined;
  const signed = SIGNED.has(name);
  if ((signed ? /^[+-]?\d+$/ : /^\d+$/).test(value)) return Number(value);
  const parser = signed ? "strconv.ParseInt" : "strconv.ParseUint";
  const why = `${parser}: parsing ${JSON.stringify(value)}: invalid syntax`;
  throw refuse("update", `invalid value for ${name}: ${why}`, "invalid_argument");
}

function bytes(flags: Flags, name: string): number | undefined {
  const value = flags.text(name);
  return value === "" ? undefined : parseBytes(value, name);
}

/** An object without the keys that have no value. */
function present<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

/** The flags as `linux.resources`. */
function flagResources(flags: Flags): LinuxResources {
  const weight = flags.number("blkio-weight");
  return {
    memory: present<NonNullable<LinuxResources["memory"]>>({
      limit: bytes(flags, "memory"),
      swap: bytes(flags, "memory-swap"),
      reservation: bytes(flags, "memory-reservation"),
    }),
    cpu: present<NonNullable<LinuxResources["cpu"]>>({
      shares: integer(flags, "cpu-share"),
      quota: integer(flags, "cpu-quota"),
      period: integer(flags, "cpu-period"),
      burst: integer(flags, "cpu-burst"),
      idle: integer(flags, "cpu-idle"),
      realtimeRuntime: integer(flags, "cpu-rt-runtime"),
      realtimePeriod: integer(flags, "cpu-rt-period"),
      cpus: flags.text("cpuset-cpus"),
      mems: flags.text("cpuset-mems"),
    }),
    pids: { limit: flags.number("pids-limit") },
    ...(weight ? { blockIO: { weight } } : {}),
  };
}

function readResources(source: string): LinuxResources {
  const json = source === "-" ? readDescriptor(0) : readText(source);
  const resources = parseObject(json, source === "-" ? "stdin" : source);
  checkShape(resources, RESOURCES_SHAPE, "");
  return resources as LinuxResources;
}

export const updateCommand: Command = {
  name: "update",
  synopsis: "<container-id>",
  flags: UPDATE_FLAGS,
  args: [1, 1],
  async run({ context, log, flags, args }) {
    context.store.load(args[0]!);
    if (flags.text("l3-cache-schema")) {
      throw refuse("update", "Intel RDT/CAT: l3 cache schema is not enabled", "unimplemented");
    }
    if (flags.text("mem-bw-schema")) {
      throw refuse(
        "update",
        "Intel RDT/MBA: memory bandwidth schema is not enabled",
        "unimplemented",
      );
    }
    const source = flags.text("resources");
    const resources = source ? readResources(source) : flagResources(flags);
    const kernel = [bytes(flags, "kernel-memory"), bytes(flags, "kernel-memory-tcp")].some(Boolean);
    if (kernel || resources.memory?.kernel || resources.memory?.kernelTCP) {
      log.warn("Kernel memory settings are ignored and will be removed");
    }
    await updateContainer(context, args[0]!, { ...resources });
    return 0;
  },
};
