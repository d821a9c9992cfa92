import { join } from "node:path";
import { dockerRequest } from "./docker_request.ts";
import { bundleCandidates } from "./find_daemons.ts";
import type { Stack, Survey } from "./find_stacks.ts";

/** A container and where its pieces lie. */
export interface FoundContainer {
  id: string;
  name?: string;
  namespace: string;
  stack: Stack;
  /** dockerd knows it. */
  docker: boolean;
  running: boolean;
  /** Docker lists it as running, with no word of a pause or of its health. */
  quiet?: boolean;
  /** Further names: a pod's container is called by its pod's name and by its own. */
  aliases?: string[];
  /** The runtime's executable, where the process that holds the container names it. */
  runtimeBinary?: string;
  bundle?: string;
  /** `<root>/<namespace>` that holds `<id>/state.json`. */
  runtimeRoot?: string;
}

const LIST_TIMEOUT_MS = 3000;
/** A host holds fewer; a hostile listing must end. */
const MAX_CONTAINERS = 20_000;

/**
 * Every container that a stack's links know, by whichever of them still can tell. A Docker that is
 * known to be silent is not asked again.
 */
export async function findContainers(
  survey: Survey,
  stack: Stack,
  dockerAnswers = true,
): Promise<FoundContainer[]> {
  const found = new Map<string, FoundContainer>();
  const listed = stack.docker !== undefined && dockerAnswers && (await addListed(found, stack));
  addFromBundles(survey, stack, found);
  if (stack.docker && !listed) addFromDataRoot(survey, stack, found);
  addFromRuntimeRoots(survey, stack, found);
  for (const container of found.values()) nameByBundle(survey, container);
  return [...found.values()];
}

/** The containers that a person means by a name, an id or the beginning of an id. */
export function matchContainers(all: FoundContainer[], word: string): FoundContainer[] {
  const name = word.replace(/^\//, "");
  const exact = all.filter((one) => one.id === name || one.name === name);
  if (exact.length > 0) return exact;
  const other = all.filter((one) => one.aliases?.includes(name));
  if (other.length > 0) return other;
  return name === "" ? [] : all.filter((one) => one.id.startsWith(name));
}

/** Asks Docker for its containers. False when it does not tell. */
async function addListed(found: Map<string, FoundContainer>, stack: Stack): Promise<boolean> {
  const socket = stack.docker?.socket ?? "";
  const reply = await dockerRequest(socket, "/containers/json?all=1", LIST_TIMEOUT_MS);
  if (!reply.ok || !Array.isArray(reply.json)) return false;
  for (const item of reply.json.slice(0, MAX_CONTAINERS) as Record<string, unknown>[]) {
    const id = item?.["Id"];
    if (typeof id !== "string" || !/^[A-Za-z0-9_.-]+$/.test(id)) continue;
    const names = Array.isArray(item["Names"]) ? item["Names"].map(String) : [];
    const state = String(item["State"] ?? "");
    const container: FoundContainer = {
      id,
      namespace: "moby",
      stack,
      docker: true,
      running: state === "running" || state === "paused" || state === "restarting",
    };
    const status = String(item["Status"] ?? "");
    container.quiet = state === "running" && !/paused|health/i.test(status);
    const name = names.find((one) => !one.slice(1).includes("/"));
    if (name) container.name = name.replace(/^\//, "");
    found.set(id, container);
  }
  return true;
}

/** Annotations by which the world above calls a container: containerd's CRI, CRI-O, nerdctl. */
const POD_NAMES = ["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"];
const CONTAINER_NAMES = ["io.kubernetes.cri.container-name", "io.kubernetes.container.name"];

/** Containers that Docker does not know may be named in their bundle's annotations. */
function nameByBundle(survey: Survey, container: FoundContainer): void {
  if (container.name !== undefined || container.bundle === undefined) return;
  const spec = survey.files.json(join(container.bundle, "config.json"));
  const { annotations } = (spec ?? {}) as { annotations?: Record<string, unknown> };
  const first = (keys: string[]) => {
    const key = keys.find((one) => typeof annotations?.[one] === "string");
    return key === undefined ? undefined : String(annotations?.[key]);
  };
  const pod = first(POD_NAMES);
  const own = first(CONTAINER_NAMES) ?? (pod === undefined ? first(["nerdctl/name"]) : "POD");
  if (own === undefined) return;
  container.name = pod === undefined ? own : `${pod}/${own}`;
  container.aliases = pod === undefined || own === "POD" ? [] : [own, pod];
}

/** dockerd is down or wedged: its containers' names are on disk. */
function addFromDataRoot(survey: Survey, stack: Stack, found: Map<string, FoundContainer>): void {
  const root = stack.docker?.dataRoot ?? dataRootOfBundles(survey, found);
  if (!root) return;
  for (const id of survey.files.list(join(root, "containers")).slice(0, MAX_CONTAINERS)) {
    const folder = join(root, "containers", id);
    // The genuine one's record, then ours.
    const config =
      survey.files.json(join(folder, "config.v2.json")) ??
      survey.files.json(join(folder, "container.json"));
    const { Name, State, name } = (config ?? {}) as {
      Name?: unknown;
      State?: { Running?: unknown };
      name?: unknown;
    };
    if (config === undefined) continue;
    const container = note(found, stack, "moby", id, State?.Running === true);
    container.docker = true;
    const told = Name ?? name;
    if (typeof told === "string") container.name = told.replace(/^\//, "");
  }
}

/** A dead dockerd's data folder, told by the files that it binds into its containers. */
function dataRootOfBundles(survey: Survey, found: Map<string, FoundContainer>): string | undefined {
  for (const { id, bundle, namespace } of found.values()) {
    if (bundle === undefined || namespace !== "moby") continue;
    const spec = survey.files.json(join(bundle, "config.json")) as
      | { mounts?: { source?: unknown }[] }
      | undefined;
    for (const mount of spec?.mounts ?? []) {
      if (typeof mount.source !== "string") continue;
      const at = mount.source.indexOf(`/containers/${id}/`);
      if (at > 0) return mount.source.slice(0, at);
    }
  }
  return undefined;
}

function addFromBundles(survey: Survey, stack: Stack, found: Map<string, FoundContainer>): void {
  for (const shim of stack.shims) {
    if (!shim.bundle) continue;
    const container = note(found, stack, shim.namespace, shim.id, true);
    container.bundle = shim.bundle;
    if (shim.runtimeBinary) container.runtimeBinary = shim.runtimeBinary;
  }
  for (const { id, bundle, name, runtimeBinary } of monitorsOf(survey, stack)) {
    const container = note(found, stack, "", id, true);
    container.runtimeBinary = runtimeBinary;
    if (bundle !== undefined) container.bundle = bundle;
    if (name !== undefined) container.name = name;
  }
  if (!stack.containerd) return;
  for (const container of found.values()) {
    const bundle = bundleCandidates(
      stack.containerd.stateDir,
      container.namespace,
      container.id,
    ).find((path) => survey.files.exists(path));
    if (bundle !== undefined) container.bundle ??= bundle;
  }
  for (const parent of bundleCandidates(stack.containerd.stateDir, "", "")) {
    for (const namespace of survey.files.list(parent)) {
      for (const id of survey.files.list(join(parent, namespace)).slice(0, MAX_CONTAINERS)) {
        const bundle = join(parent, namespace, id);
        if (!survey.files.exists(join(bundle, "config.json"))) continue;
        note(found, stack, namespace, id, true).bundle ??= bundle;
      }
    }
  }
}

/** podman and CRI-O have no daemon above that counts as a stack: conmon holds their containers. */
function monitorsOf(survey: Survey, stack: Stack) {
  return stack.docker || stack.containerd ? [] : survey.daemons.monitors;
}

function addFromRuntimeRoots(
  survey: Survey,
  stack: Stack,
  found: Map<string, FoundContainer>,
): void {
  for (const container of found.values()) {
    const told = container.bundle ? runtimeRootOfBundle(survey, container.bundle) : undefined;
    const roots = told ? [told, ...stack.runtimeRoots] : stack.runtimeRoots;
    for (const root of roots) {
      const folder = stateFolder(survey, root, container.namespace, container.id);
      if (!folder) continue;
      container.runtimeRoot = folder;
      break;
    }
    // Its own options name the root even when the state in it is gone: that is a finding.
    const likely = told ?? (container.bundle && defaultRoot(survey, container.bundle));
    if (!container.runtimeRoot && likely) container.runtimeRoot = join(likely, container.namespace);
  }
  // Containers of a runtime used by itself; a stack's daemons would know theirs.
  if (stack.docker || stack.containerd) return;
  for (const root of stack.runtimeRoots) {
    for (const id of survey.files.list(root)) {
      if (!hasState(survey, join(root, id))) continue;
      const container = note(found, stack, "", id, true);
      container.runtimeRoot = root;
    }
  }
}

/** containerd writes the runtime's options, its root among them, beside config.json. */
function runtimeRootOfBundle(survey: Survey, bundle: string): string | undefined {
  const options = survey.files.json(join(bundle, "options.json")) as { root?: unknown } | undefined;
  return typeof options?.root === "string" && options.root !== "" ? options.root : undefined;
}

/** Shims for runc, and ours, use this root when their options name none. */
function defaultRoot(survey: Survey, bundle: string): string | undefined {
  const shim = survey.files.read(join(bundle, "shim-binary-path"), 4096)?.trim() ?? "";
  const usual = /\/containerd-shim-(runc|catena)-v\d+$/.test(shim);
  return usual ? "/run/containerd/runc" : undefined;
}

function stateFolder(
  survey: Survey,
  root: string,
  namespace: string,
  id: string,
): string | undefined {
  return [join(root, namespace), root].find((folder) => hasState(survey, join(folder, id)));
}

/** runc and ours write state.json, crun writes status. */
function hasState(survey: Survey, folder: string): boolean {
  return (
    survey.files.exists(join(folder, "state.json")) || survey.files.exists(join(folder, "status"))
  );
}

function note(
  found: Map<string, FoundContainer>,
  stack: Stack,
  namespace: string,
  id: string,
  running: boolean,
): FoundContainer {
  const known = found.get(id);
  if (known) return known;
  const container: FoundContainer = { id, namespace, stack, docker: false, running };
  found.set(id, container);
  return container;
}
