import { neutralJson, neutralText } from "#lib/errors/neutral_text.ts";
import { examine } from "#tools/doctor/examine.ts";
import type { DoctorOptions } from "#tools/doctor/options.ts";
import { printOverview } from "#tools/doctor/report/print_overview.ts";
import { printReport } from "#tools/doctor/report/print_report.ts";
import { EXIT, exitCodeOf, REPORT_SCHEMA } from "#tools/doctor/report/report.ts";
import { stackFlags } from "../stack_flags.ts";

export interface DoctorFlags {
  state: string;
  json?: boolean;
  docker?: string;
  containerd?: string;
  cri?: string;
  runtimeRoot?: string;
  namespace?: string;
  user?: string;
  workdir?: string;
  probe: boolean;
  readOnly: boolean;
  forecast?: number;
  watch?: boolean;
}

/** Seconds for which a look at all containers watches what grows. */
const OVERVIEW_FORECAST_S = 1;

/** `catena doctor`. Returns the exit code. */
export async function runDoctor(
  container: string | undefined,
  program: string[],
  flags: DoctorFlags,
): Promise<number> {
  const options = toOptions(container, program, flags);
  if (container === "explain") {
    const { container: _, ...rest } = options;
    const { runDoctorExplain } = await import("./doctor_explain.ts");
    return runDoctorExplain(program, rest, flags.json === true);
  }
  if (container === "bundle" || flags.watch) {
    const { runDoctorBundle, runDoctorWatch } = await import("./doctor_watch.ts");
    if (flags.watch) return runDoctorWatch(options);
    const { container: _, ...rest } = options;
    return runDoctorBundle(program[0], { ...rest, program: [] });
  }
  const { reports, warnings, blind } = await examine(options);
  if (flags.json) {
    const body =
      container !== undefined && reports.length === 1
        ? reports[0]
        : {
            schema: REPORT_SCHEMA,
            cause: null,
            warnings,
            containers: reports,
            ...(blind && { error: blind }),
          };
    process.stdout.write(`${neutralJson(body, 2)}\n`);
  } else {
    const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];
    process.stdout.write(
      container === undefined
        ? printOverview(reports, warnings, colour)
        : reports.map((report) => printReport(report, colour)).join("\n"),
    );
    if (blind) {
      process.stderr.write(`catena doctor: ${neutralText(blind)}\n`);
      const none = /^no container /.test(blind);
      if (none) process.stderr.write("next: catena ps --all, catena top or docker ps name them\n");
    } else if (reports.length === 0) process.stdout.write("no container runs here\n");
  }
  return blind ? EXIT.blind : exitCodeOf(reports);
}

function toOptions(
  container: string | undefined,
  program: string[],
  flags: DoctorFlags,
): DoctorOptions {
  return {
    program,
    stateDir: flags.state,
    probe: flags.probe,
    readOnly: flags.readOnly,
    forecastMs: 1000 * (flags.forecast ?? (container === undefined ? OVERVIEW_FORECAST_S : 0)),
    ...(container !== undefined && { container }),
    ...stackFlags(flags),
    ...(flags.namespace && { namespace: flags.namespace }),
    ...(flags.user && { user: flags.user }),
    ...(flags.workdir && { workdir: flags.workdir }),
  };
}
