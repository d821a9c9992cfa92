import type { Evidence } from "#lib/errors/frame.ts";
import type { Facts, ProgramFacts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { lastExec } from "./words.ts";

/** The program that could not be started: of a failed exec, of a failed start, or asked about. */
function subject(facts: Facts): ProgramFacts | undefined {
  const exec = lastExec(facts);
  const failed = exec !== undefined && !exec.running && exec.exitCode !== 0;
  return facts.asked ?? (failed ? exec.program : undefined) ?? facts.startProgram;
}

/** A rule about the one program that somebody tried to start. `judge` proves it. */
export function programRule(
  id: string,
  title: string,
  link: string,
  judge: (program: ProgramFacts, facts: Facts) => Omit<Proof, "marks"> | undefined,
): CauseRule {
  return {
    id,
    title,
    link,
    needs: [],
    proves(facts) {
      const program = subject(facts);
      const proof = program ? judge(program, facts) : undefined;
      return proof ? { ...proof, marks: { container: "fails" } } : undefined;
    },
    refutes(facts) {
      const program = subject(facts);
      if (!program) return undefined;
      return judge(program, facts) ? undefined : `it is not so for ${program.argv.join(" ")}`;
    },
  };
}

/** Where the host sees the program, or would. */
export function at(program: ProgramFacts): string {
  return program.rootfs + (program.found?.path ?? program.searched[0] ?? "");
}

/** Evidence that the program's own file shows. */
export function fileEvidence(program: ProgramFacts, value: string): Evidence[] {
  return [{ kind: "path", value, ref: at(program) }];
}
