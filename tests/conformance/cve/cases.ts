import type { Feature } from "../harness/case_types.ts";
import { descriptorCases } from "./descriptor_cases.ts";
import { identityCases } from "./identity_cases.ts";
import { procCases } from "./proc_cases.ts";
import { rootCases } from "./root_cases.ts";

/** Published vulnerabilities of runc, by number: each tried as its advisory describes it. */
export const vulnerabilities: Feature = {
  name: "vulnerabilities",
  cases: [...descriptorCases, ...identityCases, ...procCases, ...rootCases],
};
