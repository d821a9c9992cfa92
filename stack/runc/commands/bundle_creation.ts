import type { Spec } from "../spec/spec_types.ts";
import type { Invocation } from "./command_types.ts";
import type { ContainerCreation } from "./container_create.ts";
import { listenDescriptors, preservedDescriptors } from "./inherited_descriptors.ts";
import type { NotifySocket } from "./notify_socket.ts";

/** A command has nothing to do but to wait for init, however long its hooks take. */
export const BLOCK_MS = 3_600_000;

/** An absolute path of what a caller named relative to its own folder. */
export function absolutePath(path: string): string {
  return path.startsWith("/") ? path : `${process.cwd()}/${path}`;
}

/** The folder that `--bundle` names, without links. Throws as chdir(2) does when it is none. */
export function bundleFolder(path: string): string {
  const { realPath } =
    require("#lib/linux/real_path.ts") as typeof import("#lib/linux/real_path.ts");
  try {
    return realPath(absolutePath(path));
  } catch (error) {
    throw Object.assign(error as Error, { syscall: "chdir" });
  }
}

/** Socket activation goes through to the container's first process. */
function addListenEnvironment(spec: Spec, count: number): void {
  if (count === 0 || !spec.process) return;
  spec.process.env = [...(spec.process.env ?? []), `LISTEN_FDS=${count}`, "LISTEN_PID=1"];
}

/** The service manager's notification socket for a container, when there is one. */
export function notifySocketOf(invocation: Invocation): NotifySocket | undefined {
  if (!process.env["NOTIFY_SOCKET"]) return undefined;
  const { NotifySocket } = require("./notify_socket.ts") as typeof import("./notify_socket.ts");
  const folder = invocation.context.store.folder(invocation.args[0]!);
  return NotifySocket.ofEnvironment(folder);
}

/** What create and run have in common: the flags as a creation. */
export function bundleCreation(
  invocation: Invocation,
  notify = notifySocketOf(invocation),
): ContainerCreation {
  const { flags, args } = invocation;
  const { LocalLauncher } =
    require("../process/local_launcher.ts") as typeof import("../process/local_launcher.ts");
  const listen = listenDescriptors();
  const bundle = flags.text("bundle");
  const creation: ContainerCreation = {
    id: args[0]!,
    bundle: bundle ? bundleFolder(bundle) : process.cwd(),
    launcher: new LocalLauncher({ blockMs: BLOCK_MS }),
    noPivot: flags.on("no-pivot"),
    noNewKeyring: flags.on("no-new-keyring"),
    preserveFds: preservedDescriptors(listen, flags.number("preserve-fds"), invocation.log.fd),
    adapt(spec) {
      addListenEnvironment(spec, listen);
      notify?.adapt(spec);
    },
    onFolder: () => notify?.makeFolder(),
  };
  const console = flags.text("console-socket");
  if (console) creation.consoleSocket = absolutePath(console);
  const pidfd = flags.text("pidfd-socket");
  if (pidfd) creation.pidfdSocket = absolutePath(pidfd);
  const pidFile = flags.text("pid-file");
  if (pidFile) creation.pidFile = absolutePath(pidFile);
  return creation;
}
