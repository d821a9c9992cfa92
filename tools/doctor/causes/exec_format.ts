import type { ProgramFacts } from "../facts.ts";
import { at, fileEvidence, programRule } from "./program_rule.ts";

export const execFormat = programRule(
  "exec-format",
  "the kernel cannot execute the program's format",
  "kernel",
  (program) => {
    const { found, machine, interpreter } = program;
    if (!found || found.isFolder || (found.mode & 0o111) === 0) return undefined;
    const magic = found.head.subarray(0, 4).toString("latin1");
    const shown = found.head.subarray(0, 8).toString("hex");
    if (magic === "\x7fELF") {
      if (machine && machine.file === machine.host) return undefined;
      const built = machine
        ? `built for ${machine.file}, this host is ${machine.host}`
        : "broken ELF";
      return formatProof(program, `${found.path} is ${built}`, `e_machine ${machine?.file ?? "?"}`);
    }
    if (magic.startsWith("#!") && interpreter) return undefined;
    const empty = found.head.length === 0;
    const what = empty ? "is empty" : "is neither ELF nor a script with #!";
    return formatProof(program, `${found.path} ${what}`, `first bytes ${shown || "none"}`);
  },
);

function formatProof(program: ProgramFacts, sentence: string, seen: string) {
  return {
    confidence: "certain" as const,
    sentence,
    evidence: fileEvidence(program, seen),
    fix: ["# use an image for this processor, or give a script its #! line"],
    verify: [`file ${at(program)}`],
  };
}
