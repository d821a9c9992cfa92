import { at, fileEvidence, programRule } from "./program_rule.ts";

export const execNotExecutable = programRule(
  "exec-not-executable",
  "the program may not be executed",
  "image",
  (program) => {
    const { found } = program;
    if (!found) return undefined;
    if (!found.isFolder && (found.mode & 0o111) !== 0) return undefined;
    const mode = `0${found.mode.toString(8)}`;
    const what = found.isFolder ? "is a folder" : `has mode ${mode}: nobody may execute it`;
    return {
      confidence: "certain",
      sentence: `${found.path} ${what}`,
      evidence: fileEvidence(program, found.isFolder ? "a folder" : `mode ${mode}`),
      fix: found.isFolder ? ["# name a program in it"] : [`chmod +x ${at(program)}`],
      verify: [`stat ${at(program)}`],
    };
  },
);
