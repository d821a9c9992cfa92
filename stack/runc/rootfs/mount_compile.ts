import { absoluteFrom, cleanPath } from "#lib/linux/path.ts";
import type { MountOption } from "#wire/init-pipe/operation.ts";
import { NO_SLOT } from "#wire/init-pipe/operation.ts";
import { idMapText } from "../spec/id_map_text.ts";
import { MS } from "../spec/linux_constants.ts";
import { type PlanBuilder, specError } from "../spec/plan_builder.ts";
import type { CreateInputs } from "../spec/plan_inputs.ts";
import type { Mount } from "../spec/spec_types.ts";
import { compileCgroupMount } from "./cgroup_mount.ts";
import { ATTR, type ParsedOptions, parseMountOptions } from "./mount_options.ts";

/** fsconfig(2) takes no longer text. */
const MAX_OPTION_BYTES = 255;

/** Files below /proc that lxcfs and its like cover with better informed ones. */
const COVERABLE_PROC = new Set([
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/net/dev",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
]);

/** A mount ready to be compiled: absolute destination, sorted options. */
export interface PreparedMount {
  mount: Mount;
  /** Its place in config.json. */
  at: string;
  destination: string;
  options: ParsedOptions;
  isBind: boolean;
}

/** Cleans a mount's destination and sorts its options. */
export function prepareMount(mount: Mount, index: number): PreparedMount {
  const options = parseMountOptions(mount.options ?? []);
  return {
    mount,
    at: `mounts[${index}]`,
    destination: cleanPath(`/${mount.destination}`),
    options,
    isBind: options.bind || mount.type === "bind",
  };
}

/**
 * Trees of bind sources that the parent opens, because the container's root could not: in a new
 * user namespace, and for id-mapped mounts. By the mount's index; compiled into the parent stage.
 */
export function compileHostTrees(
  plan: PlanBuilder,
  inputs: CreateInputs,
  mounts: readonly PreparedMount[],
  userNamespace: boolean,
): Map<PreparedMount, number> {
  const trees = new Map<PreparedMount, number>();
  for (const prepared of mounts) {
    const idMap = idMapOf(prepared, inputs);
    if (!prepared.isBind || (!userNamespace && !idMap)) continue;
    const slot = plan.slot();
    const recursive = prepared.options.recursive;
    plan.add({ op: "open-tree", slot, path: sourcePath(prepared, inputs.bundle), recursive });
    if (idMap) plan.add({ op: "map-tree", slot, ...idMap });
    trees.set(prepared, slot);
  }
  return trees;
}

function idMapOf({ mount, options, at }: PreparedMount, inputs: CreateInputs) {
  const asked = options.data.find(([key]) => key === "idmap" || key === "ridmap");
  const uids = mount.uidMappings ?? (asked ? inputs.spec.linux?.uidMappings : undefined);
  const gids = mount.gidMappings ?? (asked ? inputs.spec.linux?.gidMappings : undefined);
  if (!uids?.length && !gids?.length) return undefined;
  if (!uids?.length || !gids?.length) {
    const missing = uids?.length ? "gidMappings" : "uidMappings";
    const why = `mount ${mount.destination}: id-mapped mounts need both uid and gid mappings`;
    throw specError(why, `${at}.${missing}`);
  }
  return {
    uidMap: idMapText(uids),
    gidMap: idMapText(gids),
    recursive: asked?.[0] === "ridmap",
  };
}

function sourcePath({ mount, at }: PreparedMount, bundle: string): string {
  if (!mount.source) {
    throw specError(`mount ${mount.destination}: a bind mount needs a source`, `${at}.source`);
  }
  return absoluteFrom(bundle, mount.source);
}

/** One mount of the spec as operations of the grandchild stage. */
export function compileMount(
  plan: PlanBuilder,
  inputs: CreateInputs,
  prepared: PreparedMount,
  tree: number | undefined,
): void {
  const { mount } = prepared;
  if (prepared.isBind) compileBind(plan, inputs, prepared, tree);
  else if (mount.type === "cgroup") compileCgroupMount(plan, inputs, prepared);
  else if (mount.type) compileFilesystem(plan, inputs, prepared, mount.type);
  else throw specError(`mount ${mount.destination}: no type given`, `${prepared.at}.type`);
}

function compileBind(
  plan: PlanBuilder,
  inputs: CreateInputs,
  prepared: PreparedMount,
  tree: number | undefined,
): void {
  const { options, destination } = prepared;
  const attributes = { ...options.attributes, propagation: [...options.attributes.propagation] };
  // A source that is read-only stays so: `rw` is no licence to write where the host may not.
  attributes.clear &= ~ATTR.RDONLY;
  // The parent copied the tree in the host's namespace, as a peer of the host's mounts.
  if (tree !== undefined) attributes.propagation.unshift(MS.SLAVE | MS.REC);
  const known = new Set(["idmap", "ridmap", "relabel"]);
  const odd = options.data.filter(([key]) => !known.has(key)).map(([key]) => key);
  if (odd.length > 0) plan.warn(`mount ${destination}: options without effect: ${odd.join(", ")}`);
  plan.add({
    op: "bind",
    source: sourcePath(prepared, inputs.bundle),
    tree: tree ?? NO_SLOT,
    target: destination,
    recursive: options.recursive,
    attributes,
    insideProc: COVERABLE_PROC.has(destination),
  });
}

function compileFilesystem(
  plan: PlanBuilder,
  inputs: CreateInputs,
  prepared: PreparedMount,
  type: string,
): void {
  const { mount, options, destination } = prepared;
  const plain = type === "proc" || type === "sysfs";
  const attributes = { ...options.attributes };
  const late = isRemountedLate(prepared);
  if (late) attributes.set &= ~ATTR.RDONLY;
  const data: MountOption[] = [...options.filesystem].map((flag) => [flag] as const);
  if ((attributes.set & ATTR.RDONLY) !== 0n) data.push(["ro"]);
  data.push(...options.data);
  const label = inputs.spec.linux?.mountLabel;
  if (label && !plain && type !== "mqueue") data.push(["context", label]);
  const source = mount.source ?? type;
  if (data.some(([, value]) => value !== undefined && value.length > MAX_OPTION_BYTES)) {
    const text = data.map(([key, value]) => (value === undefined ? key : `${key}=${value}`));
    const flags = Number(attributes.set & 0xfn);
    plan.add({
      op: "mount-text",
      type,
      source,
      target: destination,
      flags,
      data: text.join(","),
    });
    return;
  }
  plan.add({
    op: "mount",
    type,
    source,
    target: destination,
    options: data,
    attributes,
    plain,
    keepMode: type === "tmpfs" && !data.some(([key]) => key === "mode"),
    copyUp: type === "tmpfs" && options.copyUp,
    bindInstead: "",
  });
}

/** tmpfs and /dev are filled after they are mounted, and become read-only at the end. */
export function isRemountedLate({ mount, destination, options, isBind }: PreparedMount): boolean {
  if (isBind || (options.attributes.set & ATTR.RDONLY) === 0n) return false;
  return mount.type === "tmpfs" || destination === "/dev";
}
