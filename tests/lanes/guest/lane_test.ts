export type LaneName = "v2" | "systemd";

/**
 * Whether this is not the machine of that lane, for `describe.skipIf`: what its tests do to a host
 * belongs on one that is thrown away.
 */
export function isElsewhere(lane: LaneName): boolean {
  return process.env["CATENA_LANE"] !== lane;
}

/** The same as a reason; undefined in that machine. */
export function reasonElsewhere(lane: LaneName): string | undefined {
  return isElsewhere(lane) ? `npm run lane:${lane} runs it` : undefined;
}

/** The name of a group of tests; where they are skipped, it says why. */
export function laneTitle(lane: LaneName, name: string): string {
  const reason = reasonElsewhere(lane);
  return reason ? `${name} [skipped: ${reason}]` : name;
}
