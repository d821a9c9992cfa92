import { nofileRule } from "./nofile_rule.ts";

export const shimNofile = nofileRule("shim", "the service that starts the shim");
