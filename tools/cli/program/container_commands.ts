import { type Command, Option } from "commander";
import type { ExecFlags } from "../commands/exec.ts";
import type { LogsFlags } from "../commands/logs.ts";
import type { PsFlags } from "../commands/ps.ts";
import type { RmFlags } from "../commands/rm.ts";
import type { RunFlags } from "../commands/run.ts";
import { exitCodeOfFailure, reportFailure } from "../exit_codes.ts";
import { type EngineFlags, perform, withEngine } from "./engine_command.ts";
import { collect, socketPath } from "./shared_options.ts";

/** What works with containers, through the Docker API of the chain's top. */
export function addContainers(program: Command): void {
  addRun(program);
  addExec(program);
  withEngine(program.command("ps"))
    .summary("list containers")
    .option("-a, --all", "those that ended too")
    .option("-q, --quiet", "ids only")
    .option("--json", "machine-readable")
    .action((flags: EngineFlags & PsFlags) =>
      perform("ps", flags, async (engine) =>
        (await import("../commands/ps.ts")).runPs(engine, flags),
      ),
    );
  withEngine(program.command("logs"))
    .summary("print what a container wrote")
    .argument("<container>")
    .option("-f, --follow", "go on until it ends")
    .option("-t, --timestamps", "the time before each line")
    .option("-n, --tail <lines>", "the last lines only")
    .action((container: string, flags: EngineFlags & LogsFlags) =>
      perform("logs", flags, async (engine) =>
        (await import("../commands/logs.ts")).runLogs(engine, container, flags),
      ),
    );
  withEngine(program.command("rm"))
    .summary("remove containers")
    .argument("<container...>")
    .option("-f, --force", "kill those that run")
    .option("-v, --volumes", "their anonymous volumes too")
    .action((containers: string[], flags: EngineFlags & RmFlags) =>
      perform("rm", flags, async (engine) =>
        (await import("../commands/rm.ts")).runRm(engine, containers, flags),
      ),
    );
}

function addRun(program: Command): void {
  const command = withEngine(program.command("run"))
    .summary("run a program in a new container")
    .argument("<image>")
    .argument("[command...]")
    .passThroughOptions()
    .option("--name <name>", "its name")
    .option("-d, --detach", "leave it running and print its id")
    .option("-i, --interactive", "keep its standard input open")
    .option("-t, --tty", "give it a terminal")
    .option("--rm", "remove it when it ends")
    .option("-u, --user <user>", "user[:group] of its program")
    .option("-w, --workdir <dir>", "its working folder")
    .option("--entrypoint <program>", "instead of the image's")
    .option("--hostname <name>", "its host name")
    .option("--network <mode>", "none, host, bridge, container:NAME or a network's name")
    .option("-m, --memory <size>", "memory limit: 64m, 2g")
    .option("--pids-limit <n>", "how many processes and threads it may have")
    .option("--cpus <n>", "how many processors it may use")
    .option("--read-only", "mount its root read-only")
    .option("--privileged", "keep all capabilities and devices")
    .option("--init", "run a small init that reaps")
    .option("--runtime <name>", "the runtime to use")
    .option("--restart <policy>", "no, always, unless-stopped, on-failure[:n]")
    .option(
      "--break-before <operation>",
      "stop the launch before it (its number or name, see catena plan) and look around",
    )
    .option("--trace", "then show where the time went, on standard error");
  for (const [flags, text] of [
    ["-e, --env <variable>", "NAME=VALUE"],
    ["-v, --volume <bind>", "SOURCE:TARGET[:ro]"],
    ["-l, --label <label>", "NAME=VALUE"],
    ["--cap-add <capability>", "a further capability"],
    ["--cap-drop <capability>", "a capability less"],
    ["--security-opt <option>", "no-new-privileges, seccomp=FILE, …"],
    ["--ulimit <limit>", "NAME=SOFT[:HARD]"],
    ["--tmpfs <folder>", "a tmpfs there"],
  ] as const) {
    command.option(flags, text, collect, []);
  }
  command.action((image: string, words: string[], flags: EngineFlags & RunFlags) =>
    perform("run", flags, async (engine) =>
      (await import("../commands/run.ts")).runRun(engine, image, words, flags),
    ),
  );
}

function addExec(program: Command): void {
  const links = new Option("--via <link>", "the link at which to enter the chain")
    .choices(["dockerd", "containerd", "shim", "runc"])
    .default("dockerd");
  withEngine(program.command("exec"))
    .summary("run a further program in a container")
    .description(
      "Enters the chain at the link that --via names: what fails at one link and works\n" +
        "at the one below fails between them. Works on Docker, containerd and runc too,\n" +
        "which it finds by itself.",
    )
    .argument("<container>")
    .argument("<command...>")
    .passThroughOptions()
    .addOption(links)
    .option("--step", "stop before each operation of the launch and look around (root only)")
    .option("--rescue", "leave a full pids or memory cgroup out (root only)")
    .option("--trace", "then show where the time went, on standard error")
    .option("-i, --interactive", "keep its standard input open")
    .option("-t, --tty", "give it a terminal")
    .option("-d, --detach", "do not wait for its end")
    .option("-u, --user <user>", "user[:group]")
    .option("-w, --workdir <dir>", "its working folder")
    .option("-e, --env <variable>", "NAME=VALUE", collect, [])
    .option("--containerd <socket>", "containerd socket", socketPath)
    .option("--runtime-root <dir>", "the runtime's --root")
    .option("-n, --namespace <name>", "containerd namespace")
    .action(async (container: string, words: string[], flags: ExecFlags) => {
      try {
        const { runExec } = await import("../via/exec_via.ts");
        process.exitCode = await runExec(container, words, flags);
      } catch (error) {
        reportFailure("exec", error, flags.state);
        process.exitCode = exitCodeOfFailure(error);
      }
    });
}
