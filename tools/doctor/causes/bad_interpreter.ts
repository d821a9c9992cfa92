import { at, fileEvidence, programRule } from "./program_rule.ts";

export const badInterpreter = programRule(
  "bad-interpreter",
  "the program's interpreter is missing",
  "kernel",
  (program) => {
    const { found, interpreter } = program;
    if (!found || !interpreter || interpreter.exists) return undefined;
    const windows = interpreter.name.endsWith("\r");
    const name = interpreter.name.replace("\r", "\\r");
    const why = windows ? " (the line ends with a carriage return: a Windows file)" : "";
    return {
      confidence: "certain",
      sentence: `${found.path} is there, but its interpreter ${name} is not${why}`,
      evidence: fileEvidence(program, `asks for ${name}`),
      fix: windows
        ? [`sed -i 's/\\r$//' ${at(program)}`]
        : [`# install ${name} in the image, or build the program statically`],
      verify: [`head -c 64 ${at(program)}`],
    };
  },
);
