import type { Subprocess } from "bun";
import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import { libexecPath } from "#lib/install/install_paths.ts";
import { readText } from "#lib/linux/file.ts";
import { SystemdBus, type SystemdCaller, SystemdRefusal } from "#lib/systemd/systemd_bus.ts";
import { unitFailure } from "#lib/systemd/unit_failure.ts";
import { accounting, property, type UnitProperty } from "#lib/systemd/unit_property.ts";
import type { CgroupConfig } from "./cgroup_config.ts";
import { cgroupLayout, parseProcessCgroups } from "./cgroup_layout.ts";
import { type CgroupPaths, defaultSlice, isUnified, systemdUnitName } from "./cgroup_path.ts";
import { setLimits } from "./container_cgroup.ts";
import { annotatedProperties } from "./systemd_annotation.ts";
import { limitProperties } from "./systemd_properties.ts";

/** Callers who are not root have a systemd of their own. */
const isUser = () => process.geteuid!() !== 0;

/** Whose systemd keeps the containers: the host's, or the caller's own. */
function caller(): SystemdCaller {
  return { user: isUser(), layer: "runc", flag: "--systemd-cgroup" };
}

const isSlice = (unit: string) => unit.endsWith(".slice");

/**
 * Where a user's systemd places a unit: below its own cgroup, in user.slice unless told. Refuses
 * callers outside of that cgroup: the kernel lets nobody but root carry processes into it.
 */
export async function userPaths(paths: CgroupPaths): Promise<CgroupPaths> {
  if (!isUser()) return paths;
  const mount = cgroupLayout().unified?.path ?? "/sys/fs/cgroup";
  const group = await SystemdBus.use(caller(), (bus) => bus.controlGroup());
  const own = parseProcessCgroups(readText("/proc/self/cgroup"))[""] ?? "/";
  if (!`${own}/`.startsWith(`${group}/`)) throw outside(own, group);
  return Object.fromEntries(
    Object.entries(paths).map(([controller, path]) =>
      controller === "" ? ["", `${mount}${group}${path.slice(mount.length)}`] : [controller, path],
    ),
  );
}

function outside(own: string, group: string): ChainError {
  return failure({
    layer: "runc",
    op: "place cgroup",
    code: "failed_precondition",
    message: "unable to place the container in a unit of the user's systemd",
    cause: `this process is in ${own}, outside of ${group}`,
    evidence: [{ kind: "cgroup", value: own, ref: "/proc/self/cgroup" }],
    fix: "start it from a unit of the user's: systemd-run --user --scope COMMAND",
  });
}

/**
 * A container's unit while the container is being made. systemd refuses a scope without a process,
 * and removes one whose last process ends; ours is to be cloned into the scope's cgroup, which must
 * be there before. So a holder keeps the place: one process that waits, and is counted.
 */
export class HeldUnit {
  readonly #config: CgroupConfig;
  #holder: Subprocess<"pipe", "ignore", "ignore"> | undefined;

  private constructor(config: CgroupConfig) {
    this.#config = config;
  }

  /**
   * Starts the unit that `config` names, with the container's limits but one for processes, and
   * the properties that `annotations` ask for. Rejects with a ChainError, or a TypeError for what
   * is malformed, having taken everything back.
   */
  static async start(
    config: CgroupConfig,
    annotations?: Record<string, string>,
  ): Promise<HeldUnit> {
    const extra = annotatedProperties(annotations);
    const unit = new HeldUnit(config);
    try {
      await unit.#start(extra);
    } catch (error) {
      await unit.#release();
      throw explain(error, "start", systemdUnitName(config));
    }
    return unit;
  }

  async #start(extra: UnitProperty[]): Promise<void> {
    const unit = systemdUnitName(this.#config);
    const properties = [...ownProperties(this.#config, unit), ...extra];
    if (!isSlice(unit)) {
      this.#holder = Bun.spawn([libexecPath("catena-init"), "hold"], {
        stdin: "pipe",
        stdout: "ignore",
        stderr: "ignore",
        env: {},
      });
      properties.push({ name: "PIDs", signature: "au", value: [this.#holder.pid] });
    }
    await SystemdBus.use(caller(), async (bus) => {
      try {
        await bus.startTransientUnit(unit, properties);
      } catch (error) {
        // A failed unit of this name from before, which nobody has looked at.
        if (!(error instanceof SystemdRefusal && /UnitExists|^job$/.test(error.name))) throw error;
        await bus.resetFailedUnit(unit);
        if (error.name === "job") throw error;
        await bus.startTransientUnit(unit, properties);
      }
    });
  }

  /** The container's settings while the holder, which counts as one process, is there. */
  get heldConfig(): CgroupConfig {
    const { pids_limit: limit = 0, unified } = this.#config;
    if (!this.#holder) return this.#config;
    const held = { ...this.#config };
    if (limit > 0) held.pids_limit = limit + 1;
    const most = unified?.["pids.max"]?.trim();
    if (most && /^\d+$/.test(most)) {
      held.unified = { ...unified, "pids.max": String(Number(most) + 1) };
    }
    return held;
  }

  /** The container is in its cgroup: lets the holder go and sets the limit of processes. */
  async settle(paths: CgroupPaths): Promise<void> {
    await this.#release();
    const tasks = limitProperties(this.#config, isUnified(paths)).filter(isTaskLimit);
    if (tasks.length > 0) {
      const unit = systemdUnitName(this.#config);
      await SystemdBus.use(caller(), (bus) => bus.setUnitProperties(unit, tasks));
    }
    setLimits(paths, pidsOnly(this.#config));
  }

  /** Lets the holder go: with nobody else in it, systemd removes the scope. */
  async abandon(): Promise<void> {
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#holder?.stdin.end();
    await this.#holder?.exited;
    this.#holder = undefined;
  }
}

const isTaskLimit = ({ name }: UnitProperty) => name === "TasksMax";

function pidsOnly({ pids_limit, unified }: CgroupConfig): CgroupConfig {
  const most = unified?.["pids.max"];
  return {
    ...(pids_limit === undefined ? {} : { pids_limit }),
    ...(most === undefined ? {} : { unified: { "pids.max": most } }),
  };
}

function ownProperties(config: CgroupConfig, unit: string): UnitProperty[] {
  const slice = config.parent || defaultSlice();
  const place = isSlice(unit)
    ? [property("Wants", "as", [slice])]
    : [property("Slice", "s", slice), property("Delegate", "b", true)];
  const limits = limitProperties(config, cgroupLayout().pureV2);
  return [
    property("Description", "s", `container ${config.name ?? unit}`),
    ...place,
    ...accounting(),
    // Not stopped before everything else when the host shuts down.
    property("DefaultDependencies", "b", false),
    ...limits.filter((limit) => !isTaskLimit(limit)),
  ];
}

/** Tells systemd about changed limits, so that its next reload does not take them back. */
export async function updateUnit(paths: CgroupPaths, config: CgroupConfig): Promise<void> {
  const unit = systemdUnitName(config);
  const properties = limitProperties(config, isUnified(paths));
  if (properties.length === 0) return;
  try {
    await SystemdBus.use(caller(), (bus) => bus.setUnitProperties(unit, properties));
  } catch (error) {
    throw explain(error, "set properties of", unit);
  }
}

/** Stops a container's unit, and forgets it if it failed. One that is gone is no failure. */
export async function removeUnit(config: CgroupConfig): Promise<void> {
  const unit = systemdUnitName(config);
  try {
    await SystemdBus.use(caller(), async (bus) => {
      await bus.stopUnit(unit);
      await bus.resetFailedUnit(unit);
    });
  } catch (error) {
    throw explain(error, "stop", unit);
  }
}

function explain(error: unknown, what: string, unit: string): unknown {
  return unitFailure(error, "runc", what, unit);
}
