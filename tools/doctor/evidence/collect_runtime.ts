import { basename, dirname, isAbsolute, join } from "node:path";
import type { FoundContainer } from "../discover/find_containers.ts";
import { bundleCandidates } from "../discover/find_daemons.ts";
import type { RuntimeFacts } from "../facts.ts";
import type { HostFiles } from "../host/host_files.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The runtime of a container: which executable, its root, and the state that it left there. `told`
 * is the executable that Docker names for it.
 */
export function collectRuntime(
  files: HostFiles,
  container: FoundContainer,
  shimPid: number | undefined,
  told: string | undefined,
): RuntimeFacts {
  const facts: RuntimeFacts = { binaryExists: false, stateExists: false, cgroupPaths: new Map() };
  const named =
    container.runtimeBinary ??
    binaryName(files, container) ??
    told ??
    runtimeOfShim(files, container);
  facts.name = named;
  const path = shimPid === undefined ? undefined : environmentValue(files, shimPid, "PATH");
  const binary = resolveBinary(files, named, path ?? DEFAULT_PATH);
  facts.binaryExists = binary !== undefined;
  facts.binary = binary ?? named;
  if (container.runtimeRoot !== undefined) {
    facts.root = container.runtimeRoot;
    readState(files, join(container.runtimeRoot, container.id), facts);
  }
  const bundle = facts.bundle ?? bundleByRule(files, container);
  if (bundle) facts.bundle = bundle;
  return facts;
}

/**
 * Where containerd keeps the bundle, by its state folder, when no state names it. That it is not
 * there says something only where containerd keeps others: else this is another's layout.
 */
function bundleByRule(files: HostFiles, container: FoundContainer): RuntimeFacts["bundle"] {
  const { containerd } = container.stack;
  // A shim's working folder keeps its name when it is moved away: a bundle is called by its id.
  if (container.bundle !== undefined && basename(container.bundle) === container.id) {
    return { path: container.bundle, exists: files.exists(container.bundle) };
  }
  if (!containerd) return undefined;
  const places = bundleCandidates(containerd.stateDir, container.namespace, container.id);
  const path = places.find((one) => files.exists(dirname(one)));
  return path === undefined ? undefined : { path, exists: files.exists(path) };
}

/** The executable that containerd's options beside config.json name. */
function binaryName(files: HostFiles, container: FoundContainer): string | undefined {
  if (container.bundle === undefined) return undefined;
  const options = files.json(join(container.bundle, "options.json")) as
    | { binary_name?: unknown; BinaryName?: unknown }
    | undefined;
  for (const name of [options?.binary_name, options?.BinaryName]) {
    if (typeof name === "string" && name !== "") return name;
  }
  const runtime = files.read(join(container.bundle, "runtime"), 4096)?.trim();
  return runtime && isAbsolute(runtime) ? runtime : undefined;
}

/** A shim without options runs the runtime of its own name: ours catena-runc, the genuine runc. */
function runtimeOfShim(files: HostFiles, container: FoundContainer): string {
  if (container.bundle === undefined) return "runc";
  const shim = files.read(join(container.bundle, "shim-binary-path"), 4096)?.trim() ?? "";
  if (!/^containerd-shim-catena-v\d+$/.test(basename(shim))) return "runc";
  const beside = join(dirname(shim), "catena-runc");
  return files.stat(beside)?.isFile() ? beside : "catena-runc";
}

function resolveBinary(files: HostFiles, name: string, path: string): string | undefined {
  if (isAbsolute(name)) return files.stat(name)?.isFile() ? name : undefined;
  for (const folder of path.split(":").filter(isAbsolute)) {
    const candidate = join(folder, name);
    const about = files.stat(candidate);
    if (about?.isFile() && (about.mode & 0o111) !== 0) return candidate;
  }
  return undefined;
}

/** One variable of a process' environment at its start. */
export function environmentValue(files: HostFiles, pid: number, name: string): string | undefined {
  const text = files.read(`/proc/${pid}/environ`, 256 * 1024) ?? "";
  const entry = text.split("\0").find((one) => one.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

interface StateJson {
  init_process_pid?: unknown;
  init_process_start?: unknown;
  cgroup_paths?: unknown;
  config?: { labels?: unknown };
  /** crun's names. */
  pid?: unknown;
  "process-start-time"?: unknown;
}

function readState(files: HostFiles, folder: string, facts: RuntimeFacts): void {
  const names = ["state.json", "status"].map((name) => join(folder, name));
  const stateFile = names.find((path) => files.exists(path)) ?? names[0]!;
  if (files.denied(stateFile) || cannotRead(files, stateFile)) return;
  facts.stateFile = stateFile;
  const state = files.json(stateFile) as StateJson | undefined;
  facts.stateExists = typeof state === "object" && state !== null && !Array.isArray(state);
  if (!facts.stateExists || !state) {
    if (files.exists(stateFile)) facts.stateDamaged = true;
    return;
  }
  const pid = Number(state.init_process_pid ?? state.pid);
  if (pid > 0) facts.initPid = pid;
  const start = Number(state.init_process_start ?? state["process-start-time"]);
  if (start > 0) facts.initStartTicks = start;
  const bundle = bundleOf(state);
  if (bundle !== undefined && !files.denied(bundle))
    facts.bundle = { path: bundle, exists: files.exists(bundle) };
  const paths = state.cgroup_paths;
  if (typeof paths !== "object" || paths === null) return;
  for (const [controller, path] of Object.entries(paths)) {
    if (typeof path === "string" && isAbsolute(path)) facts.cgroupPaths.set(controller, path);
  }
}

/** It is there, and not for us to read: that says nothing about what is in it. */
function cannotRead(files: HostFiles, path: string): boolean {
  return process.getuid?.() !== 0 && files.exists(path) && files.read(path, 1) === undefined;
}

/** runc and ours note it as a label, "bundle=PATH". */
function bundleOf(state: StateJson): string | undefined {
  const labels = Array.isArray(state.config?.labels) ? state.config.labels.map(String) : [];
  const path = labels.find((one) => one.startsWith("bundle="))?.slice("bundle=".length);
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
