import { describe } from "bun:test";

export type LaneName = "v2" | "systemd";

/**
 * Tests for the machine of one lane. Elsewhere they are skipped, and the name says why: what they
 * do to a host belongs on one that is thrown away.
 */
export function describeLane(lane: LaneName, name: string, tests: () => void): void {
  const here = process.env["CATENA_LANE"] === lane;
  const title = here ? name : `${name} [skipped: npm run lane:${lane} runs it in its machine]`;
  describe.skipIf(!here)(title, tests);
}
