/** One property of a systemd unit: its name, its D-Bus signature, its value. */
export interface UnitProperty {
  name: string;
  signature: string;
  value: unknown;
}

/** How systemd writes "no limit" (org.freedesktop.systemd1). */
export const INFINITY = 0xffff_ffff_ffff_ffffn;

/** systemd keeps quotas as whole percents of a second. */
export const QUOTA_STEP_US = 10_000;

/** A property of any kind. */
export function property(name: string, signature: string, value: unknown): UnitProperty {
  return { name, signature, value };
}

/** A property that is an amount; a negative one stands for no limit. */
export function amount(name: string, value: number): UnitProperty {
  return property(name, "t", value < 0 ? INFINITY : BigInt(value));
}

/** All counters from the start: the kernel does not charge afterwards what came before. */
export function accounting(): UnitProperty[] {
  const names = ["MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"];
  return names.map((name) => property(name, "b", true));
}
