import type { Feature } from "../harness/case_types.ts";
import { DEVICE_CASES } from "./device_cases.ts";
import { LOOPBACK_CASES } from "./loopback_cases.ts";

export const network: Feature = { name: "network", cases: [...LOOPBACK_CASES, ...DEVICE_CASES] };
