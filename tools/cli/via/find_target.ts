import { failure } from "#lib/errors/chain_error.ts";
import { binPath } from "#lib/install/install_paths.ts";
import {
  type FoundContainer,
  findContainers,
  matchContainers,
} from "#tools/doctor/discover/find_containers.ts";
import { surveyHost } from "#tools/doctor/discover/find_stacks.ts";
import { collectRuntime } from "#tools/doctor/evidence/collect_runtime.ts";
import { collectShim } from "#tools/doctor/evidence/collect_shim.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { lookupInRootfs } from "#tools/doctor/host/rootfs_lookup.ts";
import type { ExecFlags } from "../commands/exec.ts";
import { stackFlags } from "../stack_flags.ts";

/** A container and everything by which its links below Docker can be entered. */
export interface ExecTarget {
  id: string;
  namespace: string;
  /** Of the Docker that knows it. */
  dockerSocket?: string;
  containerdSocket?: string;
  shimSocket?: string;
  /** The bundle's `process`, which an exec takes over. */
  process: Record<string, unknown>;
  runtimeBinary: string;
  runtimeRoot?: string;
  /** The container's rootfs as the host reaches it. */
  rootfs?: string;
}

/** Finds a container on whatever stack holds it, as the doctor does. Rejects when there is none. */
export async function findTarget(container: string, flags: ExecFlags): Promise<ExecTarget> {
  const files = new HostFiles();
  const survey = surveyHost(files, {
    program: [],
    stateDir: flags.state,
    probe: false,
    readOnly: true,
    ...stackFlags(flags),
  });
  const all: FoundContainer[] = [];
  for (const stack of survey.stacks) all.push(...(await findContainers(survey, stack)));
  const inNamespace = all.filter(
    (one) => flags.namespace === undefined || one.namespace === flags.namespace,
  );
  const found = matchContainers(inNamespace, container);
  if (found.length === 0) throw unknown(container, survey.stacks.length);
  if (new Set(found.map((one) => one.id)).size > 1) {
    const where = found.map((at) => at.stack.docker?.socket ?? at.stack.containerd?.socket ?? "");
    const message = `${container} is not one container: ${where.join(", ")} (choose by --docker)`;
    throw failure({ layer: "cli", op: "find", code: "invalid_argument", message });
  }
  const one = found[0]!;
  const shim = collectShim(survey, survey.cgroups, one);
  const runtime = collectRuntime(files, one, shim?.pid, undefined);
  const spec = files.json(`${one.bundle ?? "/nonexistent"}/config.json`) as
    | { process?: Record<string, unknown> }
    | undefined;
  const target: ExecTarget = {
    id: one.id,
    namespace: one.namespace || "default",
    process: spec?.process ?? {},
    runtimeBinary: runtime.binary ?? binPath("catena-runc"),
  };
  if (one.docker && one.stack.docker) target.dockerSocket = one.stack.docker.socket;
  if (one.stack.containerd) target.containerdSocket = one.stack.containerd.socket;
  if (shim?.socket !== undefined) target.shimSocket = shim.socket;
  if (runtime.root !== undefined) target.runtimeRoot = runtime.root;
  if (runtime.initPid !== undefined) target.rootfs = `/proc/${runtime.initPid}/root`;
  return target;
}

function unknown(container: string, stacks: number) {
  const where = stacks === 0 ? "no stack was found" : `${stacks} stacks were searched`;
  return failure({
    layer: "cli",
    op: "find",
    code: "not_found",
    message: `No such container: ${container} (${where})`,
  });
}

/** Numeric ids for `user[:group]`, names looked up in the container's own files. */
export function resolveUser(target: ExecTarget, user: string): { uid: number; gid: number } {
  const [name, group] = user.split(":");
  const entry = idsOf(target, "passwd", name ?? "");
  const gid = group === undefined ? entry.gid : idsOf(target, "group", group).uid;
  return { uid: entry.uid, gid };
}

function idsOf(target: ExecTarget, table: string, word: string): { uid: number; gid: number } {
  const files = new HostFiles();
  const rootfs = target.rootfs ?? "/nonexistent";
  const found = lookupInRootfs(files, rootfs, `/etc/${table}`);
  const lines = (found ? (files.read(rootfs + found.path) ?? "") : "").split("\n");
  for (const line of lines) {
    const fields = line.split(":");
    if (fields[0] === word || (/^\d+$/.test(word) && fields[2] === word)) {
      return { uid: Number(fields[2]), gid: Number(fields[3] ?? 0) };
    }
  }
  if (/^\d+$/.test(word)) return { uid: Number(word), gid: 0 };
  throw failure({
    layer: "cli",
    op: "resolve user",
    code: "invalid_argument",
    message: `unable to find ${table === "passwd" ? "user" : "group"} ${word}`,
    causeId: "user-unknown",
    cause: `the container's /etc/${table} has no ${word}`,
    fix: "use a numeric id",
  });
}
