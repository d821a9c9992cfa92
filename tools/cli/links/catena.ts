import { Command, CommanderError, InvalidArgumentError } from "commander";
import { DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import type { DaemonFlags } from "../commands/daemon.ts";
import type { DoctorFlags } from "../commands/doctor.ts";
import type { ExplainFlags } from "../commands/explain.ts";
import type { TraceFlags } from "../commands/trace.ts";

const VERSION = "0.1.0";

/** A wrong command line; docker's own tools end so. */
const EXIT_USAGE = 125;

/** `catena`: daemons and tools. Each command's modules load only when it is used. */
export function main(args: string[]): void {
  const program = buildProgram();
  program.parseAsync(args, { from: "user" }).catch((error: unknown) => {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
      return;
    }
    process.stderr.write(`catena: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}

function buildProgram(): Command {
  const program = new Command("catena")
    .description("the container stack from the kubelet down to execve, that you can see through")
    .version(VERSION, "-v, --version")
    .exitOverride()
    .showHelpAfterError("(catena help COMMAND shows the flags)")
    .enablePositionalOptions();
  addDaemons(program);
  addTrace(program);
  addDoctor(program);
  addExplain(program);
  return program;
}

function addDoctor(program: Command): void {
  withState(program.command("doctor"))
    .summary("name the link, the cause, the evidence and the fix, on any stack")
    .description(
      "Examines one container, or all that run, on Docker, containerd, " +
        "a bare runtime or catena.\n" +
        "Finds sockets and folders by itself. `doctor explain TEXT` (or `doctor explain < LOG`)\n" +
        "says what an error message means, of any link and era.",
    )
    .argument("[container]", "name, id or beginning of an id; without it: all that run")
    .argument("[program...]", "after --: a program whose exec is to be checked")
    .option("--json", "machine-readable report (schema: tools/doctor/README.md)")
    .option("--docker <socket>", "Docker Engine API socket")
    .option("--containerd <socket>", "containerd socket")
    .option("--cri <socket>", "CRI socket")
    .option("--runtime-root <dir>", "the runtime's --root")
    .option("-n, --namespace <name>", "containerd namespace")
    .option("-u, --user <user>", "user of the program after --")
    .option("-w, --workdir <dir>", "working folder of the program after --")
    .option("--probe", "try execs even where few pids or little memory are left", false)
    .option("--read-only", "try nothing, look only", false)
    .action(async (container: string | undefined, words: string[], flags: DoctorFlags) => {
      const { runDoctor } = await import("../commands/doctor.ts");
      process.exitCode = await runDoctor(container, words, flags);
    });
}

function addDaemons(program: Command): void {
  withState(program.command("daemon"))
    .summary("dockerd and containerd in one process")
    .description(
      "Serves docker.sock and containerd.sock in the state folder until SIGTERM or SIGINT.\n" +
        "Containers run on when it ends, and are found again by the next one.",
    )
    .option("-H, --host <address>", "a further Docker socket, unix:///path", collect, [])
    .option("-G, --group <name>", "group of the sockets (default: catena, where it exists)")
    .option("--no-trace", "record no traces")
    .option("-D, --debug", "log more")
    .action(async (flags: DaemonFlags) => {
      const { runDaemon } = await import("../commands/daemon.ts");
      await runDaemon(flags);
      process.exit(0);
    });
  passOn(program, "containerd", "containerd alone", async (args) => {
    const { runContainerd } = await import("../commands/containerd.ts");
    await runContainerd(args);
    return 0;
  });
  passOn(program, "dockerd", "dockerd alone, on any containerd", async (args) => {
    const { runDockerd } = await import("../commands/dockerd.ts");
    return runDockerd(args);
  });
}

/** A command that reads its own flags, help included. */
function passOn(
  program: Command,
  name: string,
  summary: string,
  run: (args: string[]) => Promise<number>,
): void {
  program
    .command(name)
    .summary(summary)
    .argument("[flags...]")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(async (args: string[]) => {
      process.exit(await run(args));
    });
}

/** A flag that may be given more than once. */
function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function addTrace(program: Command): void {
  withState(program.command("trace"))
    .summary("show where the time of a request went, link by link")
    .description("Without an ID: the newest traces. The beginning of an ID is enough.")
    .argument("[id]", "trace id")
    .option("--last", "the latest trace that reached a runtime")
    .option("--json", "machine-readable")
    .action(async (id: string | undefined, flags: TraceFlags) => {
      const { runTrace } = await import("../commands/trace.ts");
      process.exitCode = runTrace(id, flags);
    });
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

/** `--state` and `--root` mean the same to every command. */
function withState(command: Command): Command {
  return command
    .option("--state <dir>", "state folder", folder, DEFAULT_STATE_DIR)
    .option("--root <dir>", "folder of what must outlive a reboot", folder, DEFAULT_ROOT_DIR);
}

function folder(value: string): string {
  if (!value.startsWith("/")) throw new InvalidArgumentError("give an absolute path");
  return value.replace(/\/+$/, "") || "/";
}
