import { neutralText } from "#lib/errors/neutral_text.ts";
import { writeBundle } from "#tools/doctor/bundle/write_bundle.ts";
import { examine } from "#tools/doctor/examine.ts";
import { printMessages } from "#tools/doctor/messages/print_messages.ts";
import type { Recognised } from "#tools/doctor/messages/recognise_message.ts";
import type { DoctorOptions } from "#tools/doctor/options.ts";
import { printReport } from "#tools/doctor/report/print_report.ts";
import { FailureCounter } from "#tools/doctor/watch/failure_counter.ts";
import { watchHost } from "#tools/doctor/watch/watch_host.ts";

/** `catena doctor --watch`: explains each new failure once, until a signal; then counts. */
export async function runDoctorWatch(options: DoctorOptions): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];
  const counter = new FailureCounter();
  await watchHost(options, stop.signal, counter, {
    following: ({ files, journal, sockets }) => {
      const all = [...files, ...(journal ? ["the journal"] : []), ...sockets];
      const what = all.length > 0 ? all.map(neutralText).join(", ") : "nothing";
      process.stderr.write(`watching ${what}\n`);
    },
    tell: (failure) => explainFailure(failure, options, colour),
  });
  for (const { key, count } of counter.summary())
    process.stdout.write(`${count} × ${neutralText(key)}\n`);
  return 0;
}

async function explainFailure(
  failure: Recognised,
  options: DoctorOptions,
  colour: boolean,
): Promise<void> {
  process.stdout.write(`${printMessages([failure], colour)}\n`);
  for (const id of failure.ids) {
    const { reports } = await examine({ ...options, container: id, readOnly: true });
    for (const report of reports) process.stdout.write(`${printReport(report, colour)}\n`);
  }
}

/** `catena doctor bundle [FILE]`: one archive of the evidence, for a ticket. */
export async function runDoctorBundle(
  file: string | undefined,
  options: DoctorOptions,
): Promise<number> {
  const stamp = new Date().toISOString().replace(/[:.]/g, "-");
  const path = file ?? `catena-doctor-${stamp}.tar`;
  const names = await writeBundle(path, options);
  process.stdout.write(`${path}\n`);
  process.stderr.write(`${names.length} files, without environments and credentials\n`);
  return 0;
}
