import { nofileRule } from "./nofile_rule.ts";

export const containerdNofile = nofileRule("containerd", "containerd.service");
