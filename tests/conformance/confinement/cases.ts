import type { Feature } from "../harness/case_types.ts";
import { capabilityCases } from "./capability_cases.ts";
import { pathCases } from "./path_cases.ts";
import { sysctlCases } from "./sysctl_cases.ts";

export const confinement: Feature = {
  name: "confinement",
  cases: [...capabilityCases, ...pathCases, ...sysctlCases],
};
