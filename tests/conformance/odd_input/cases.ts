import type { Feature } from "../harness/case_types.ts";
import { COMMAND_CASES } from "./command_cases.ts";
import { CONFIG_CASES } from "./config_cases.ts";

export const oddInput: Feature = { name: "odd input", cases: [...COMMAND_CASES, ...CONFIG_CASES] };
