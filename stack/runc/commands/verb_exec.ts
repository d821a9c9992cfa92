import { labelsOf } from "../state/container_state.ts";
import { absolutePath, BLOCK_MS } from "./bundle_creation.ts";
import type { Command, FlagSpec, Invocation } from "./command_types.ts";
import { type ContainerExec, checkRunning, execInContainer } from "./container_exec.ts";
import { execProcess, subCgroups } from "./exec_process.ts";
import { ForegroundSession } from "./foreground_session.ts";
import { preservedDescriptors } from "./inherited_descriptors.ts";
import { withTrace } from "./trace_context.ts";

const EXEC_FLAGS: FlagSpec[] = [
  {
    name: "console-socket",
    kind: "string",
    usage: "unix socket that receives the terminal's master descriptor",
  },
  { name: "pidfd-socket", kind: "string", usage: "unix socket that receives the process's pidfd" },
  { name: "cwd", kind: "string", usage: "working directory in the container" },
  { name: "env", alias: "e", kind: "list", usage: "one more environment variable" },
  { name: "tty", alias: "t", kind: "bool", usage: "on a terminal" },
  { name: "user", alias: "u", kind: "string", usage: "UID[:GID]" },
  { name: "additional-gids", alias: "g", kind: "list", usage: "one more group id" },
  { name: "process", alias: "p", kind: "string", usage: "file with the process, as JSON" },
  { name: "detach", alias: "d", kind: "bool", usage: "return once the program runs" },
  { name: "pid-file", kind: "string", usage: "file to write the process id to" },
  { name: "process-label", kind: "string", usage: "SELinux label of the process" },
  { name: "apparmor", kind: "string", usage: "AppArmor profile of the process" },
  { name: "no-new-privs", kind: "bool", usage: "no privileges from set-uid programs" },
  { name: "cap", alias: "c", kind: "list", usage: "one more capability" },
  {
    name: "preserve-fds",
    kind: "int",
    usage: "how many more descriptors the process gets",
    default: "0",
  },
  {
    name: "cgroup",
    kind: "list",
    usage: "[CONTROLLER:]PATH of a nested cgroup to run in",
  },
  { name: "step", kind: "string", usage: "folder through which the launch is stepped" },
  { name: "ignore-paused", kind: "bool", usage: "allowed in a paused container" },
  {
    name: "rescue",
    kind: "bool",
    usage: "root only: get into a container whose limit is full, outside the full cgroup",
  },
];

/** The flags as an exec. The container's state decides before the process is even looked at. */
function execution(invocation: Invocation): ContainerExec {
  const { context, flags, args } = invocation;
  const { LocalLauncher } =
    require("../process/local_launcher.ts") as typeof import("../process/local_launcher.ts");
  const state = context.store.load(args[0]!);
  const options: ContainerExec = {
    id: args[0]!,
    launcher: new LocalLauncher({ blockMs: BLOCK_MS }),
    process: undefined,
    rescue: flags.on("rescue"),
    ignorePaused: flags.on("ignore-paused"),
    foreground: !flags.on("detach"),
    state,
  };
  checkRunning(context, state, options);
  options.process = execProcess(flags, args.slice(1), labelsOf(state.config).bundle);
  options.preserveFds = preservedDescriptors(0, flags.number("preserve-fds"), invocation.log.fd);
  const nested = subCgroups(flags.list("cgroup"));
  if (nested) options.subCgroups = nested;
  const console = flags.text("console-socket");
  if (console) options.consoleSocket = absolutePath(console);
  const pidfd = flags.text("pidfd-socket");
  if (pidfd) options.pidfdSocket = absolutePath(pidfd);
  const step = flags.text("step");
  if (step) options.step = absolutePath(step);
  const pidFile = flags.text("pid-file");
  if (pidFile) options.pidFile = absolutePath(pidFile);
  return options;
}

export const execCommand: Command = {
  name: "exec",
  synopsis: "<container-id> <command> [arguments...]  || -p process.json <container-id>",
  flags: EXEC_FLAGS,
  args: [1, Number.POSITIVE_INFINITY],
  stopAtFirst: true,
  failure: { message: "exec failed", code: 255 },
  async run(invocation) {
    const options = execution(invocation);
    let session: ForegroundSession | undefined;
    if (options.foreground) {
      const terminal = (options.process as { terminal?: boolean }).terminal ?? false;
      session = new ForegroundSession(terminal && !options.consoleSocket, false);
      if (session.consoleSocketFd !== undefined) options.consoleSocketFd = session.consoleSocketFd;
    }
    try {
      const { pid } = await withTrace(invocation.context, (context, trace) =>
        execInContainer(context, trace ? { ...options, trace } : options),
      );
      return session ? session.wait(pid) : 0;
    } finally {
      session?.close();
    }
  },
};
