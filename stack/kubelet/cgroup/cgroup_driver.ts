import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";

/** Who makes cgroups: the programs themselves, or systemd at their request. */
export type CgroupDriver = "cgroupfs" | "systemd";

export interface DriverOptions {
  /** The driver that the kubelet was told to use; the runtime's own by default. */
  wanted?: CgroupDriver;
  /** Asks the runtime for its driver; undefined when it is too old to tell. */
  ask: () => Promise<CgroupDriver | undefined>;
}

/**
 * The driver of the kubelet, which must be the runtime's: a slice is no place for a container of
 * cgroupfs, nor a folder one for a scope. It is agreed with the runtime once, and holds from then
 * on, since pods lie where it placed them.
 */
export class DriverAgreement {
  readonly #options: DriverOptions;
  #current: CgroupDriver;
  #agreed = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#current = options.wanted ?? "cgroupfs";
    this.#agreed = options.wanted !== undefined;
  }

  get current(): CgroupDriver {
    return this.#current;
  }

  /** Takes the runtime's driver, or compares it. Rejects when it is another, or is not told. */
  async agree(): Promise<CgroupDriver> {
    const theirs = await this.#options.ask();
    if (theirs === undefined) return this.#current;
    if (this.#agreed && theirs !== this.#current) throw misconfigured(this.#current, theirs);
    this.#current = theirs;
    this.#agreed = true;
    return theirs;
  }

  /** The same when the kubelet starts, whose runtime may be there later. */
  async agreeIfAnswered(): Promise<void> {
    try {
      await this.agree();
    } catch (error) {
      if (toChainError(error, "kubelet", "agree").causeId === MISMATCH) throw error;
    }
  }
}

const MISMATCH = "cgroup-driver-mismatch";

/** In the words of genuine kubelets, which asked Docker alone. */
function misconfigured(ours: CgroupDriver, theirs: CgroupDriver): ChainError {
  return failure({
    layer: "kubelet",
    op: "agree on a cgroup driver",
    code: "failed_precondition",
    message:
      `misconfiguration: kubelet cgroup driver: "${ours}" ` +
      `is different from docker cgroup driver: "${theirs}"`,
    causeId: MISMATCH,
    cause: `the container runtime has its cgroups made by ${theirs}`,
    fix:
      `start the kubelet with --cgroup-driver ${theirs}, ` +
      `or dockerd with --exec-opt native.cgroupdriver=${ours}`,
    evidence: [{ kind: "path", value: `cgroup driver ${theirs}`, ref: "RuntimeConfig" }],
  });
}
