import { SystemdBus, type SystemdCaller, SystemdRefusal } from "#lib/systemd/systemd_bus.ts";
import { unitFailure } from "#lib/systemd/unit_failure.ts";
import {
  accounting,
  amount,
  property,
  QUOTA_STEP_US,
  type UnitProperty,
} from "#lib/systemd/unit_property.ts";
import { unitOf } from "./cgroup_names.ts";

/** What a pod may use in all; undefined for no limit. */
export interface PodLimits {
  cpuShares: number;
  /** Microseconds in each 100 ms. */
  cpuQuotaUs?: number;
  memoryBytes?: number;
  pids?: number;
}

const CALLER: SystemdCaller = { user: false, layer: "kubelet", flag: "--cgroup-driver systemd" };
/** Quotas are reckoned for 100 ms, systemd's for a second. */
const PERIODS_PER_SECOND = 10;

/** The weight that cgroup v2 has for shares, as runtimes map them: 2..262144 onto 1..10000. */
export function cpuWeight(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

/**
 * Starts the slice at the end of `path`, or gives the one that runs these limits: as properties,
 * since systemd writes a unit's files anew when it reloads. The slices above it come by themselves.
 */
export async function startSlice(path: string, limits: PodLimits, pureV2: boolean): Promise<void> {
  const unit = unitOf(path);
  const above = unitOf(path.slice(0, path.lastIndexOf("/")));
  const values = limitProperties(limits, pureV2);
  const first = [
    property("Description", "s", `pod ${unit}`),
    property("DefaultDependencies", "b", false),
    ...(above === "" ? [] : [property("Wants", "as", [above])]),
    ...accounting(),
  ];
  await told(unit, "start", async (bus) => {
    try {
      await bus.startTransientUnit(unit, [...first, ...values]);
    } catch (error) {
      if (!(error instanceof SystemdRefusal && /UnitExists/.test(error.name))) throw error;
      await bus.setUnitProperties(unit, values);
    }
  });
}

/** Stops the slice at the end of `path`, with what runs in it; one that is gone is no failure. */
export async function stopSlice(path: string): Promise<void> {
  const unit = unitOf(path);
  await told(unit, "stop", async (bus) => {
    await bus.stopUnit(unit);
    await bus.resetFailedUnit(unit);
  });
}

/** Asks systemd. Rejects with a ChainError that names the unit. */
async function told(
  unit: string,
  what: string,
  work: (bus: SystemdBus) => Promise<void>,
): Promise<void> {
  try {
    await SystemdBus.use(CALLER, work);
  } catch (error) {
    throw unitFailure(error, "kubelet", what, unit);
  }
}

function limitProperties(limits: PodLimits, pureV2: boolean): UnitProperty[] {
  const { cpuShares, cpuQuotaUs, memoryBytes = -1, pids = -1 } = limits;
  const perSecondUs = (cpuQuotaUs ?? 0) * PERIODS_PER_SECOND;
  const quota = Math.ceil(perSecondUs / QUOTA_STEP_US) * QUOTA_STEP_US;
  return [
    pureV2 ? amount("CPUWeight", cpuWeight(cpuShares)) : amount("CPUShares", cpuShares),
    amount("CPUQuotaPerSecUSec", quota > 0 ? quota : -1),
    amount(pureV2 ? "MemoryMax" : "MemoryLimit", memoryBytes),
    amount("TasksMax", pids),
  ];
}
