import { binPath } from "#lib/install/install_paths.ts";
import { runCommand } from "../lib/command.ts";
import type { FaultRow, Patient } from "./fault_row.ts";
import type { FaultStack } from "./fault_stack.ts";
import { judgeOwnError, ownError } from "./own_causes.ts";
import type { RowResult } from "./write_table.ts";

/** A wedged component must not wedge the doctor; a machine of a lane is slow by itself. */
const DOCTOR_MS = process.env["CATENA_LANE"] === undefined ? 40_000 : 120_000;

/** What the doctor said. */
export interface Diagnosis {
  causeId: string | null;
  link: string | null;
  evidence: string;
  milliseconds: number;
}

/** Runs `catena doctor --json` on a container of the stack. */
export async function diagnose(stack: FaultStack, container: string): Promise<Diagnosis> {
  const started = performance.now();
  const argv = [binPath("catena"), "doctor", "--json", "--docker", stack.dockerSocket];
  argv.push("--containerd", stack.containerdSocket, container);
  const result = await runCommand(stack.enter(argv), { timeoutMs: DOCTOR_MS });
  const milliseconds = performance.now() - started;
  if (result.timedOut) return { causeId: "doctor hung", link: null, evidence: "", milliseconds };
  try {
    const report = JSON.parse(result.stdout) as {
      cause: { id: string } | null;
      link: string | null;
      healthy?: boolean;
      sentence?: string;
      evidence?: { value: string }[];
    };
    const evidence = report.evidence?.[0]?.value ?? report.sentence ?? "";
    const causeId = report.cause?.id ?? (report.healthy === true ? null : "unexplained");
    return { causeId, link: report.link, evidence, milliseconds };
  } catch {
    return { causeId: "no report", link: null, evidence: result.stderr, milliseconds };
  }
}

/**
 * Injects one row, has the doctor diagnose it, and then its healthy look-alike. Never rejects: what
 * could not be injected is a result too.
 */
export async function examineRow(stack: FaultStack, row: FaultRow): Promise<RowResult> {
  const result: RowResult = {
    id: row.id,
    link: row.link,
    injection: row.injection,
    stack: stack.kind,
    found: "",
    lookAlike: "",
    own: "",
    evidence: "",
    milliseconds: 0,
  };
  try {
    const sick = await withPatient(
      () => row.inject(stack),
      async (patient) => {
        const seen = await diagnose(stack, patient.container);
        if (stack.kind === "catena") result.own = await tellOwn(stack, row, patient);
        return seen;
      },
    );
    result.evidence = sick.evidence;
    result.milliseconds = sick.milliseconds;
    if (sick.causeId !== row.id) result.found = `named ${sick.causeId}: ${sick.evidence}`;
    else result.found = sick.link === row.link ? "ok" : `link ${sick.link}`;
    let expected: string | null = null;
    const well = await withPatient(
      async () => {
        const patient = await row.lookAlike(stack);
        expected = patient.expects ?? null;
        return patient;
      },
      (patient) => diagnose(stack, patient.container),
    );
    const alarm = `named ${well.causeId}: ${well.evidence}`;
    result.lookAlike = well.causeId === expected ? "ok" : alarm;
  } catch (error) {
    result.found ||= `not injected: ${error instanceof Error ? error.message : String(error)}`;
  }
  return result;
}

/** "ID", "none: why", or what is wrong with the errors of our own stack. */
async function tellOwn(stack: FaultStack, row: FaultRow, patient: Patient): Promise<string> {
  if (row.noError !== undefined) return `none: ${row.noError}`;
  const wrong = judgeOwnError(await ownError(stack, row, patient.container), row.id);
  return wrong === "" ? row.id : `WRONG ${wrong}`;
}

/** Whether a row is as it should be in all that was looked at. */
export function isGood({ found, lookAlike, own }: RowResult): boolean {
  return found === "ok" && lookAlike === "ok" && !own.startsWith("WRONG");
}

async function withPatient(
  make: () => Promise<Patient>,
  look: (patient: Patient) => Promise<Diagnosis>,
): Promise<Diagnosis> {
  const patient = await make();
  try {
    return await look(patient);
  } finally {
    await patient.heal();
  }
}
