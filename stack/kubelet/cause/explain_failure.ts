import type { ChainError } from "#lib/errors/chain_error.ts";
import type { Evidence } from "#lib/errors/frame.ts";
import { readTextIfAny } from "#lib/linux/file.ts";
import { type CgroupMount, mountWith } from "../cgroup/cgroup_mounts.ts";
import { containerCgroup } from "../cgroup/container_cgroup.ts";
import type { PodRuntime } from "../runtime/pod_runtime.ts";
import type { Explanation, RecogniseText } from "./explanation.ts";
import { type PidsLevel, pidsLevels } from "./pids_levels.ts";
import { shimState } from "./shim_state.ts";
import { threadHolder } from "./thread_holder.ts";

/** Where a failure happened. */
export interface FailureSite {
  containerId: string;
  /** The pod's cgroup within each hierarchy. */
  podCgroup: string;
}

export interface ExplainerOptions {
  mounts: readonly CgroupMount[];
  runtime: PodRuntime;
  /**
   * Why the runtime does not answer its lists; undefined while it does: a call that hangs concerns
   * one container then.
   */
  runtimeError: () => ChainError | undefined;
  recognise?: RecogniseText;
}

/**
 * Threads that a genuine runc's init starts after it joined the container's cgroup. With less room
 * than that an exec fails although the cgroup is not quite full.
 */
const INIT_THREADS = 8;
const MAX_WORDS = 600;
const MAX_SEEN = 4_096;

/**
 * Finds out why something could not be executed in a container: from the frames of our own links
 * where there are any, else from the container's counters, and only then from the words.
 */
export class FailureExplainer {
  readonly #options: ExplainerOptions;
  /** Refused forks by cgroup when they were last read: a counter that moved is proof. */
  readonly #refused = new Map<string, number>();

  constructor(options: ExplainerOptions) {
    this.#options = options;
  }

  async explain(error: ChainError, site: FailureSite): Promise<Explanation> {
    const words = error.words.slice(0, MAX_WORDS);
    const said = { words, errorId: error.id, evidence: error.evidence };
    const framedBy = ({ frames }: ChainError) =>
      frames.findLast(({ cause }) => cause !== undefined);
    let framed = framedBy(error);
    if (error.causeId === "cri-hung") {
      const general = this.#options.runtimeError();
      if (!general) return { ...said, ...(await this.#oneHangs(site)) };
      // A dockershim that answers knows which link below it does not.
      framed = framedBy(general) ?? framed;
    }
    if (framed) {
      const { layer, causeId = "unknown", cause = "", fix = "" } = framed;
      const link = layer === "init" ? "runc init" : layer;
      return { ...said, link, causeId, cause, fix: podFix(fix, error, site) };
    }
    const proved = await this.#fromCounters(site, error.outer.layer);
    if (proved) return { ...said, ...proved, evidence: [...said.evidence, ...proved.evidence] };
    const known = this.#options.recognise?.(words);
    if (known) {
      const { link, causeId, meaning, evidence } = known;
      const cause = `${meaning}; not proved (${evidence} would tell)`;
      return { ...said, link, causeId, cause, fix: "run catena doctor on this container" };
    }
    const cause = "not known from the links' words nor from the container's counters";
    const fix = "run catena doctor on this container";
    return { ...said, link: error.root.layer, causeId: "unknown", cause, fix };
  }

  /**
   * Whether a container has no room for processes, in words: for a command that did run and failed,
   * or took too long, which a full pids cgroup may have done to it. Undefined when there is room.
   */
  async crowded(site: FailureSite): Promise<string | undefined> {
    const { mounts, runtime } = this.#options;
    const folder = await containerCgroup(mounts, "pids", site.podCgroup, site.containerId, runtime);
    const full = folder ? this.#fullLevel(pidsLevels(folder)) : undefined;
    if (!full) return undefined;
    const { cause, fix } = pidsFull(full, site);
    return `${cause}; fix: ${fix}`;
  }

  /** The runtime answers, but not for this container: what is above its first process hangs. */
  async #oneHangs({ containerId }: FailureSite) {
    const pid = await this.#options.runtime.containerPid(containerId).catch(() => undefined);
    const shim = pid === undefined ? undefined : shimState(pid);
    const general =
      "the runtime answers other calls, and none that runs something in this container";
    if (!shim || !["T", "D"].includes(shim.state)) {
      const fix = "run catena doctor on this container";
      return { link: "the container's shim", causeId: "shim-hung", cause: general, fix };
    }
    const one = `process ${shim.pid} (${shim.name})`;
    const how = shim.state === "T" ? "is stopped (state T)" : "waits for a device (state D)";
    return {
      link: "the container's shim",
      causeId: shim.state === "T" ? "shim-hung" : "d-state",
      cause: `${one} ${how}; ${general}`,
      fix: shim.state === "T" ? `kill -CONT ${shim.pid}` : "look at the storage below it",
    };
  }

  async #fromCounters(site: FailureSite, link: string) {
    const { mounts, runtime } = this.#options;
    const folder = await containerCgroup(mounts, "pids", site.podCgroup, site.containerId, runtime);
    const full = folder ? this.#fullLevel(pidsLevels(folder)) : undefined;
    if (full) return pidsFull(full, site);
    const frozen = await this.#frozen(site);
    if (!frozen) return undefined;
    return {
      link,
      causeId: "paused",
      cause: `the container is frozen (${frozen})`,
      fix: "thaw it: unpause it with the tool that paused it",
      evidence: [{ kind: "cgroup", value: "frozen", ref: frozen } as Evidence],
    };
  }

  /** The level at its limit, or the one whose refusals rose since they were last read. */
  #fullLevel(levels: PidsLevel[]): PidsLevel | undefined {
    let full: PidsLevel | undefined;
    for (const level of levels) {
      const before = this.#refused.get(level.folder);
      this.#refused.set(level.folder, level.refused);
      if (!Number.isFinite(level.max)) continue;
      const rose = before !== undefined && level.refused > before;
      if (level.max - level.current < INIT_THREADS || rose) full ??= level;
    }
    if (this.#refused.size > MAX_SEEN) this.#refused.clear();
    return full;
  }

  async #frozen({ podCgroup, containerId }: FailureSite): Promise<string | undefined> {
    const { mounts } = this.#options;
    const mount = mountWith(mounts, "freezer");
    const folder = await containerCgroup(mounts, "freezer", podCgroup, containerId);
    if (!mount || !folder) return undefined;
    if (mount.version === 2) {
      const events = readTextIfAny(`${folder}/cgroup.events`) ?? "";
      return /^frozen 1$/m.test(events) ? folder : undefined;
    }
    const state = readTextIfAny(`${folder}/freezer.state`)?.trim() ?? "THAWED";
    return state === "THAWED" ? undefined : folder;
  }
}

/** A link below knows no pods: where the pod's own limit was met, the fix is the kubelet's. */
function podFix(fix: string, { evidence }: ChainError, site: FailureSite): string {
  const level = evidence.find(({ kind, value }) => kind === "cgroup" && /^pids\./.test(value));
  const leak = /, or (.*)$/.exec(fix)?.[1];
  if (!level?.ref?.endsWith(site.podCgroup) || leak === undefined) return fix;
  return `raise ${limitOf(level.ref, site)}, or ${leak}`;
}

/** Whose limit the pids.max of a cgroup is. */
function limitOf(folder: string, { podCgroup, containerId }: FailureSite): string {
  if (folder.slice(folder.lastIndexOf("/")).includes(containerId))
    return "the container's pids limit";
  if (folder.endsWith(podCgroup)) return "podPidsLimit (catena kubelet --pod-pids-limit)";
  return `pids.max of ${folder}`;
}

/** The limit was met: who holds it, and whose limit it is. */
function pidsFull(level: PidsLevel, site: FailureSite) {
  const { folder, current, max, refused } = level;
  const evidence: Evidence[] = [
    { kind: "cgroup", value: `pids.current ${current} of pids.max ${max}`, ref: folder },
  ];
  if (refused > 0) {
    evidence.push({ kind: "cgroup", value: `pids.events max ${refused}`, ref: folder });
  }
  const holder = threadHolder(folder);
  let holds = "";
  let leak = "end what runs in it";
  if (holder) {
    const { pid, name, threads, crowd } = holder;
    const one = `process ${pid} (${name})`;
    holds =
      crowd.count > threads
        ? `; ${crowd.count} processes are called ${crowd.name}`
        : `; ${one} holds ${threads} of them`;
    leak = `fix the leak in ${crowd.count > threads ? `what starts ${crowd.name}` : one}`;
    evidence.push({ kind: "cgroup", value: `${one}: ${threads} threads`, ref: `/proc/${pid}` });
  }
  const state = current >= max ? "is full" : "has no room for an exec";
  return {
    link: "the container's pids cgroup",
    causeId: "pids-cgroup-full",
    cause: `the pids cgroup ${folder} ${state}: ${current} of ${max} processes and threads${holds}`,
    fix: `raise ${limitOf(folder, site)}, or ${leak}`,
    evidence,
  };
}
