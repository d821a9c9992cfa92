import { readFileSync } from "node:fs";
import { findErrorRecord } from "#lib/errors/error_record.ts";
import { neutralJson } from "#lib/errors/neutral_text.ts";
import { examine } from "#tools/doctor/examine.ts";
import { printMessages } from "#tools/doctor/messages/print_messages.ts";
import { type Recognised, recogniseMessages } from "#tools/doctor/messages/recognise_message.ts";
import type { DoctorOptions } from "#tools/doctor/options.ts";
import { printReport } from "#tools/doctor/report/print_report.ts";
import { explainError } from "./explain.ts";

const MAX_INPUT = 16 * 1024 * 1024;
/** A log may name hundreds of containers; the last ones matter. */
const MAX_LOOKED_UP = 3;

/**
 * `catena doctor explain "<error text>"`, or `… explain < log`: what a message means, and, where it
 * names a container of this host or a failure recorded here, what is behind it. Returns the exit
 * code: 0 when something was recognised, 2 when nothing was.
 */
export async function runDoctorExplain(
  words: string[],
  options: DoctorOptions,
  json: boolean,
): Promise<number> {
  const text = words.length > 0 ? words.join(" ") : readFileSync(0, "utf8").slice(-MAX_INPUT);
  const found = recogniseMessages(text);
  const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];
  const recorded = recordedFailure(text, options.stateDir);
  if (json) {
    const messages = found.map((one) => ({
      ...one,
      known: one.known.map(({ pattern: _, ...rest }) => rest),
    }));
    process.stdout.write(`${neutralJson({ schema: "catena.doctor.explain/1", messages }, 2)}\n`);
    return found.length > 0 ? 0 : 2;
  }
  if (recorded) process.stdout.write(`${explainError(recorded.error, recorded.time, colour)}\n`);
  process.stdout.write(printMessages(found, colour));
  const looked = await lookUp(found, options, colour);
  if (found.length === 0 && !recorded) {
    process.stderr.write("catena doctor: no known message in this text\n");
    return 2;
  }
  if (!looked && found.length > 0) {
    process.stdout.write("On the host of the container: catena doctor CONTAINER\n");
  }
  return 0;
}

function recordedFailure(text: string, stateDir: string) {
  const id = text.match(/catena explain ([a-z0-9]{1,32})/)?.[1];
  return id === undefined ? undefined : findErrorRecord(stateDir, id);
}

/** Examines the containers of this host that the messages name. */
async function lookUp(
  found: Recognised[],
  options: DoctorOptions,
  colour: boolean,
): Promise<boolean> {
  const ids = [...new Set(found.flatMap((one) => one.ids))].slice(-MAX_LOOKED_UP);
  let any = false;
  for (const id of ids) {
    const { reports } = await examine({ ...options, container: id, readOnly: true });
    for (const report of reports) {
      if (report.container === null) continue;
      any = true;
      process.stdout.write(`${printReport(report, colour)}\n`);
    }
  }
  return any;
}
