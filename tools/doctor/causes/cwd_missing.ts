import { programRule } from "./program_rule.ts";

export const cwdMissing = programRule(
  "cwd-missing",
  "the working folder is not there",
  "runc init",
  (program) => {
    if (program.cwdKind !== "missing" && program.cwdKind !== "other") return undefined;
    const what = program.cwdKind === "missing" ? "is missing" : "is no folder";
    return {
      confidence: "certain",
      sentence: `the working folder ${program.cwd} ${what} in the container`,
      evidence: [{ kind: "path", value: what, ref: `${program.rootfs}${program.cwd}` }],
      fix: ["# use -w with a folder that is there, or make it: mkdir -p in the image (WORKDIR)"],
      verify: [`ls -d ${program.rootfs}${program.cwd}`],
    };
  },
);
