import { type Command, InvalidArgumentError } from "commander";
import type { DoctorFlags } from "../commands/doctor.ts";
import type { ExplainFlags } from "../commands/explain.ts";
import type { PlanFlags } from "../commands/plan.ts";
import type { TourFlags } from "../commands/tour.ts";
import type { TraceFlags } from "../commands/trace.ts";
import { addSeeing } from "./seeing_commands.ts";
import { seconds, withState } from "./shared_options.ts";

/** What looks into the chain. */
export function addInsight(program: Command): void {
  addTrace(program);
  addSeeing(program);
  addDoctor(program);
  addExplain(program);
  addPlan(program);
  addTour(program);
}

function addTour(program: Command): void {
  withState(program.command("tour"))
    .summary("see the chain at work on this machine, step by step")
    .description(
      "Runs containers of its own, shows their processes, cgroups and the steps of an exec,\n" +
        "lets a thread leak meet its limit, and removes all of it. Takes the daemon of the\n" +
        "state folder, or one of its own in a temporary folder where none answers. Needs root,\n" +
        "and no network.",
    )
    .option("-y, --yes", "do not wait for Enter between the steps")
    .option("--private", "with a daemon of its own even where one runs")
    .option("--genuine", "show the failure on the genuine Docker too, without asking")
    .option("--no-genuine", "do not offer that")
    .action(async (flags: TourFlags) => {
      const { runTour } = await import("../commands/tour.ts");
      process.exit(await runTour(flags));
    });
}

function addTrace(program: Command): void {
  withState(program.command("trace"))
    .summary("show where the time of a request went, link by link")
    .description(
      "Without an ID: the newest traces. The beginning of an ID is enough. With --compare: what\n" +
        "the one spent its time on that the other did not, step by step.",
    )
    .argument("[id]", "trace id")
    .option("--last", "the latest trace that reached a runtime")
    .option("--compare <other>", "compare with the trace of this id")
    .option("--failed", "list those in which something failed")
    .option("--slower <ms>", "list those that took longer", milliseconds)
    .option("-n, --count <n>", "list at most so many", listLength, 20)
    .option("--json", "machine-readable")
    .action(async (id: string | undefined, flags: TraceFlags) => {
      const { runTrace } = await import("../commands/trace.ts");
      process.exitCode = await runTrace(id, flags);
    });
}

function milliseconds(value: string): number {
  const ms = Number(value.replace(/ms$/, ""));
  if (value !== "" && ms >= 0) return ms;
  throw new InvalidArgumentError("give milliseconds");
}

function listLength(value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count > 0 && count <= 10_000) return count;
  throw new InvalidArgumentError("give a number from 1 to 10000");
}

function addExplain(program: Command): void {
  withState(program.command("explain"))
    .summary("show a recorded failure: link, frames, evidence, cause and fix")
    .argument("<id>", "the id at the end of an error message")
    .option("--json", "machine-readable")
    .action(async (id: string, flags: ExplainFlags) => {
      const { runExplain } = await import("../commands/explain.ts");
      process.exitCode = runExplain(id, flags);
    });
}

function addDoctor(program: Command): void {
  withState(program.command("doctor"))
    .summary("name the link, the cause, the evidence and the fix, on any stack")
    .description(
      "Examines one container, or all that run, on Docker, containerd, " +
        "a bare runtime or catena.\n" +
        "Finds sockets and folders by itself. `doctor explain TEXT` (or `doctor explain < LOG`)\n" +
        "says what an error message means, of any link and era. `doctor bundle [FILE]`\n" +
        "writes an archive of the evidence for a ticket, without secrets.",
    )
    .argument("[container]", "name, id or beginning of an id; without it: all that run")
    .argument("[program...]", "after --: a program whose exec is to be checked")
    .option("--json", "machine-readable report (schema: docs/doctor-json.md)")
    .option("--docker <socket>", "Docker Engine API socket")
    .option("--containerd <socket>", "containerd socket")
    .option("--cri <socket>", "CRI socket")
    .option("--runtime-root <dir>", "the runtime's --root")
    .option("-n, --namespace <name>", "containerd namespace")
    .option("-u, --user <user>", "user of the program after --")
    .option("-w, --workdir <dir>", "working folder of the program after --")
    .option("--probe", "try execs even where few pids or little memory are left", false)
    .option(
      "--forecast <seconds>",
      "watch for so long what grows towards a limit, and say when it is reached",
      seconds,
    )
    .option("--watch", "follow the daemons' logs and explain each new failure once")
    .option("--read-only", "try nothing, look only", false)
    .action(async (container: string | undefined, words: string[], flags: DoctorFlags) => {
      const { runDoctor } = await import("../commands/doctor.ts");
      process.exitCode = await runDoctor(container, words, flags);
    });
}

function addPlan(program: Command): void {
  program
    .command("plan")
    .summary("show the operations by which the runtime would make a container")
    .argument("<config>", "an OCI config.json")
    .option("--diff <other>", "compare with the plan of another config.json")
    .option("--dry-run", "perform it in a throw-away container and tell which operation fails")
    .action(async (config: string, flags: PlanFlags) => {
      const { runPlan } = await import("../commands/plan.ts");
      process.exitCode = await runPlan(config, flags);
    });
}
