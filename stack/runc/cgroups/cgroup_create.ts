import { cgroupIdsCause } from "#lib/errors/cgroup_ids_cause.ts";
import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import { changeOwner, makeFolders, statFile, writeText } from "#lib/linux/file.ts";
import type { CgroupConfig } from "./cgroup_config.ts";
import {
  cgroupCallError,
  errnoOfChain,
  readCgroupFile,
  readCgroupFileIfAny,
  readCgroupNumber,
  readKeyValues,
  writeCgroupFile,
} from "./cgroup_files.ts";
import type { CgroupLayout } from "./cgroup_layout.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";
import { needsController, setCpuset, setRealtime } from "./limits_v1.ts";

/** Makes a folder and those above it; what is there is left as it is. */
function makeCgroupFolders(folder: string): void {
  try {
    makeFolders(folder, 0o755);
  } catch (error) {
    const cause = cgroupCallError(error, folder);
    const errno = errnoOfChain(cause);
    if (errno === "ENOSPC") throw explainNoIds(cause, folder);
    throw errno === "EAGAIN" ? explainFullTree(cause, folder) : cause;
  }
}

/** mkdir of a cgroup answers ENOSPC when the kernel has no id left for it. */
function explainNoIds(cause: ChainError, folder: string): ChainError {
  return cause.wrap({
    layer: "runc",
    op: "create cgroup",
    code: "resource_exhausted",
    message: "unable to create cgroup",
    ...cgroupIdsCause(folder),
  });
}

/** On v2 EAGAIN means that an ancestor may not have more cgroups below it, or not as deep. */
function explainFullTree(cause: ChainError, folder: string): ChainError {
  let at = folder;
  for (let depth = 0; at.includes("/"); depth++) {
    at = at.slice(0, at.lastIndexOf("/"));
    const below = readKeyValues(at, "cgroup.stat")["nr_descendants"];
    const most = readCgroupNumber(at, "cgroup.max.descendants");
    const deepest = readCgroupNumber(at, "cgroup.max.depth");
    const full = below !== undefined && most !== undefined && below >= most;
    const deep = deepest !== undefined && BigInt(depth) >= deepest;
    if (!full && !deep) continue;
    const file = full ? "cgroup.max.descendants" : "cgroup.max.depth";
    const limit = full ? most : deepest;
    return cause.wrap({
      layer: "runc",
      op: "create cgroup",
      code: "resource_exhausted",
      message: "unable to create cgroup",
      cause: full
        ? `${at} has ${below} cgroups below it and ${file} is ${limit}`
        : `it would lie deeper below ${at} than ${file} ${limit} allows`,
      evidence: [{ kind: "cgroup", value: `${file} ${limit}`, ref: `${at}/${file}` }],
      fix: `raise ${at}/${file}, or remove cgroups that nobody uses`,
    });
  }
  return cause;
}

/**
 * cpuset.cpus and .mems start empty on v1, and nothing can join then: copy what the parent has. The
 * parent may be empty too, whoever made it. Returns what the folder has then; the hierarchy's root,
 * which always has some, ends the ascent.
 */
function inheritCpuset(folder: string, file: string): string {
  const own = readCgroupFile(folder, file);
  if (own !== "") return own;
  const inherited = inheritCpuset(folder.slice(0, folder.lastIndexOf("/")), file);
  writeCgroupFile(folder, file, inherited);
  return inherited;
}

const CPUSET_FILES = ["cpuset.cpus", "cpuset.mems"] as const;

function createV1(controller: string, folder: string, config: CgroupConfig): void {
  makeCgroupFolders(folder);
  if (controller === "cpu") setRealtime(folder, config);
  if (controller !== "cpuset") return;
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  for (const file of CPUSET_FILES) inheritCpuset(parent, file);
  setCpuset(folder, config);
  for (const file of CPUSET_FILES) inheritCpuset(folder, file);
}

/** Controllers that work on processes, not threads: impossible in a threaded subtree. */
const DOMAIN_CONTROLLERS = ["memory", "blkio", "cpu", "hugetlb"] as const;

const needsDomain = (config: CgroupConfig) =>
  DOMAIN_CONTROLLERS.some((controller) => needsController(controller, config));

function checkType(folder: string, config: CgroupConfig): void {
  const type = readCgroupFileIfAny(folder, "cgroup.type");
  const refuse = (why: string) =>
    failure({
      layer: "runc",
      op: "create cgroup",
      code: "failed_precondition",
      message:
        `cannot enter cgroupv2 ${JSON.stringify(folder)} with domain controllers ` +
        `-- it is in ${why}`,
      evidence: [{ kind: "cgroup", value: `cgroup.type ${type}`, ref: `${folder}/cgroup.type` }],
    });
  if (type === "domain invalid") {
    if (needsDomain(config)) throw refuse("an invalid state");
    writeCgroupFile(folder, "cgroup.type", "threaded");
  } else if (type === "threaded" || type === "domain threaded") {
    if (needsDomain(config)) throw refuse(`${type} mode`);
  }
}

/** Lets a cgroup's children use every controller that it has; those that refuse are left out. */
function enableControllers(folder: string): void {
  const names = (readCgroupFileIfAny(folder, "cgroup.controllers") ?? "").split(" ");
  const enabled = new Set((readCgroupFileIfAny(folder, "cgroup.subtree_control") ?? "").split(" "));
  const wanted = names
    .filter((name) => name !== "" && !enabled.has(name))
    .map((name) => `+${name}`);
  if (wanted.length === 0) return;
  const path = `${folder}/cgroup.subtree_control`;
  try {
    writeText(path, wanted.join(" "));
  } catch {
    for (const one of wanted) {
      try {
        writeText(path, one);
      } catch {
        // A limit that needs this controller fails by itself, with its own words.
      }
    }
  }
}

function createV2(mount: string, folder: string, config: CgroupConfig): void {
  if (!folder.startsWith(`${mount}/`)) {
    throw failure({
      layer: "runc",
      op: "create cgroup",
      code: "invalid_argument",
      message: `invalid cgroup path ${folder}`,
    });
  }
  let current = mount;
  const parts = folder.slice(mount.length + 1).split("/");
  for (const part of parts) {
    enableControllers(current);
    current = `${current}/${part}`;
    makeCgroupFolders(current);
    checkType(current, config);
  }
}

/** Files of a delegated v2 cgroup that its owner may write, where the kernel names none. */
const DELEGATED_FILES = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

function delegate(folder: string, uid: number): void {
  const named = readCgroupFileIfAny("/sys/kernel/cgroup", "delegate");
  const files = named ? named.split("\n") : DELEGATED_FILES;
  for (const path of [folder, ...files.map((file) => `${folder}/${file}`)]) {
    if (statFile(path)) changeOwner(path, uid, -1);
  }
}

/**
 * Makes a container's cgroup in every hierarchy. Nothing joins yet and no limit is set but those
 * that must precede joining. Returns the paths that exist now: a rootless caller, who may not make
 * folders, keeps those that it could make.
 */
export function createCgroup(
  layout: CgroupLayout,
  paths: CgroupPaths,
  config: CgroupConfig,
): CgroupPaths {
  const made: CgroupPaths = {};
  const unified = isUnified(paths);
  for (const [controller, folder] of Object.entries(paths)) {
    try {
      if (unified) {
        createV2(layout.unified?.path ?? "/sys/fs/cgroup", folder, config);
        if (config.owner_uid !== undefined) delegate(folder, config.owner_uid);
      } else createV1(controller, folder, config);
      made[controller] = folder;
    } catch (error) {
      if (!(config.Rootless && !config.path && isPermission(error))) throw error;
    }
  }
  return made;
}

function isPermission(error: unknown): boolean {
  const code = (error as { outer?: { code?: string } }).outer?.code;
  return code === "permission_denied";
}
