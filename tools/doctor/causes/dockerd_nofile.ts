import { nofileRule } from "./nofile_rule.ts";

export const dockerdNofile = nofileRule("dockerd", "docker.service");
