import type { Feature } from "../harness/case_types.ts";
import { LOOPBACK_CASES } from "./loopback_cases.ts";

export const network: Feature = { name: "network", cases: LOOPBACK_CASES };
