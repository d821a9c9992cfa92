import type { IdMapping } from "./spec_types.ts";

/** Mappings as /proc/PID/uid_map takes them. */
export function idMapText(mappings: readonly IdMapping[]): string {
  return mappings
    .map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`)
    .join("");
}
