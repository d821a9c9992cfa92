import { binPath } from "#lib/install/install_paths.ts";
import { GENUINE } from "../../lib/genuine_stack.ts";

export interface RuntimeUnderTest {
  name: string;
  binary: string;
  /** Ours is held to more than the genuine ones achieve: exact charges, explained refusals. */
  ours: boolean;
}

/** The genuine runtimes are the control: what they fail is wrong with the test or the machine. */
export const RUNTIMES: RuntimeUnderTest[] = [
  { name: "genuine runc", binary: GENUINE.runc, ours: false },
  { name: "genuine crun", binary: GENUINE.crun, ours: false },
  { name: "catena-runc", binary: binPath("catena-runc"), ours: true },
];
