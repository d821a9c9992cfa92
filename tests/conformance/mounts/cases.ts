import type { Feature } from "../harness/case_types.ts";
import { bindCases } from "./bind_cases.ts";
import { optionCases } from "./option_cases.ts";
import { propagationCases } from "./propagation_cases.ts";
import { tmpfsCases } from "./tmpfs_cases.ts";

export const mounts: Feature = {
  name: "mounts",
  cases: [...optionCases, ...bindCases, ...tmpfsCases, ...propagationCases],
};
