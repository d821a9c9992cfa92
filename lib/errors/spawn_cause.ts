import { readTextIfAny } from "../linux/file.ts";
import { type ChainError, type FrameInit, toChainError } from "./chain_error.ts";
import type { Layer } from "./frame.ts";
import { hostLimitCause } from "./host_limit_cause.ts";

type Known = Pick<FrameInit, "causeId" | "cause" | "fix" | "evidence">;

/** Cgroups deeper than this are not looked at. */
const MAX_LEVELS = 32;

/**
 * Why the shim, or the keeper that starts processes for it, could not fork (EAGAIN): the cgroup
 * that process `pid` itself is in, or the host's limits. Nothing where no counter proves it.
 */
export function spawnCause(pid: number): Known {
  const full = pidsFolders(pid).find(({ current, max }) => current >= max);
  if (!full) return hostCause();
  const { folder, current, max } = full;
  return {
    causeId: "shim-pids-full",
    cause: `the cgroup that the shim starts processes from, ${folder}, holds ${current} of ${max}`,
    fix: `echo ${max * 2} > ${folder}/pids.max, and raise TasksMax of the service that owns it`,
    evidence: [
      { kind: "cgroup", value: `pids.current ${current} of pids.max ${max}`, ref: folder },
      { kind: "path", value: "its cgroup", ref: `/proc/${pid}/cgroup` },
    ],
  };
}

/**
 * What a link of ours could not start a program for, `thrown` by the spawn, as a ChainError: where
 * the kernel refused one more process (EAGAIN), with the limit that counters prove.
 */
export function spawnFailed(thrown: unknown, layer: Layer, op: string): ChainError {
  const error = toChainError(thrown, layer, op);
  const refused = error.evidence.some(({ kind, value }) => kind === "errno" && value === "EAGAIN");
  if (!refused || error.causeId !== undefined) return error;
  const known = layer === "shim" ? spawnCause(process.pid) : hostCause();
  if (known.causeId === undefined) return error;
  return error.wrap({ layer, op, code: "resource_exhausted", message: "", ...known });
}

/**
 * A program could not be started, or died at once: the error with the host's limit, where the host
 * is at one at this moment. Undefined where it is not.
 */
export function refusedByHost(thrown: unknown): ChainError | undefined {
  const error = toChainError(thrown, "containerd", "spawn");
  if (error.causeId !== undefined) return HOST_CAUSES.includes(error.causeId) ? error : undefined;
  const known = hostCause();
  if (known.causeId === undefined) return undefined;
  const { layer, op } = error.outer;
  return error.wrap({ layer, op, code: "resource_exhausted", message: "", ...known });
}

function hostCause(): Known {
  const { evidence, words } = hostLimitCause();
  return { ...words, evidence };
}

const HOST_CAUSES = ["threads-max", "pid-max"];

interface Level {
  folder: string;
  current: number;
  max: number;
}

/** The limited levels of the pids hierarchy that a process is in, innermost first. */
function pidsFolders(pid: number): Level[] {
  const levels: Level[] = [];
  for (const line of (readTextIfAny(`/proc/${pid}/cgroup`) ?? "").split("\n")) {
    const [, controllers, path] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
    if (path === undefined || controllers === undefined) continue;
    if (controllers !== "" && !controllers.split(",").includes("pids")) continue;
    const mount = controllers === "" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
    let at = path === "/" ? "" : path;
    for (let step = 0; step < MAX_LEVELS; step++) {
      const max = Number(readTextIfAny(`${mount}${at}/pids.max`) ?? Number.NaN);
      const current = Number(readTextIfAny(`${mount}${at}/pids.current`) ?? Number.NaN);
      if (Number.isFinite(max)) levels.push({ folder: `${mount}${at}`, current, max });
      if (at === "") break;
      at = at.slice(0, at.lastIndexOf("/"));
    }
  }
  return levels;
}
