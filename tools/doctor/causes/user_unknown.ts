import { programRule } from "./program_rule.ts";

export const userUnknown = programRule(
  "user-unknown",
  "the user or group is not in the image's passwd or group file",
  "dockerd",
  (program) => {
    if (program.userKnown) return undefined;
    return {
      confidence: "certain",
      sentence: `the image's /etc/passwd or /etc/group has no ${program.user}`,
      evidence: [
        { kind: "path", value: `no entry ${program.user}`, ref: `${program.rootfs}/etc/passwd` },
      ],
      fix: ["# use a numeric id (-u 1000), or add the user to the image"],
      verify: [`grep '^${program.user.split(":")[0]}:' ${program.rootfs}/etc/passwd`],
    };
  },
);
