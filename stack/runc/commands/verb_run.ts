import { readBundle } from "./bundle_config.ts";
import { bundleCreation, notifySocketOf } from "./bundle_creation.ts";
import { commandFailure } from "./command_failure.ts";
import type { Command, Invocation } from "./command_types.ts";
import { createContainer } from "./container_create.ts";
import { removeContainer } from "./container_remove.ts";
import { startContainer } from "./container_start.ts";
import { ForegroundSession } from "./foreground_session.ts";
import type { NotifySocket } from "./notify_socket.ts";
import { BUNDLE_FLAGS } from "./process_flags.ts";
import type { RuntimeContext } from "./runtime_context.ts";
import { withTrace } from "./trace_context.ts";

type Creation = ReturnType<typeof bundleCreation>;

/** Removes a container whose run is over or failed; a failure to do so is told, not thrown. */
async function clear(invocation: Invocation, state: Parameters<typeof removeContainer>[1]) {
  try {
    await removeContainer(invocation.context, state);
  } catch (error) {
    invocation.log.warn(commandFailure(error, "remove").message);
  }
}

/** Creates and starts; a container that cannot be started is removed. */
async function launch(
  context: RuntimeContext,
  invocation: Invocation,
  creation: Creation,
  notify: NotifySocket | undefined,
) {
  const created = await createContainer(context, creation);
  try {
    notify?.listen();
    await startContainer(context, creation.id, creation.trace, created.state);
  } catch (error) {
    process.kill(created.pid, "SIGKILL");
    await clear(invocation, created.state);
    throw error;
  }
  return created;
}

export const runCommand: Command = {
  name: "run",
  synopsis: "<container-id>",
  description: "Creates a container from its bundle, starts it, and waits for its end.",
  flags: [
    ...BUNDLE_FLAGS,
    { name: "detach", alias: "d", kind: "bool", usage: "return once the program runs" },
    { name: "keep", kind: "bool", usage: "do not delete the container after it ended" },
    { name: "no-subreaper", kind: "bool", usage: "leave orphans to somebody else" },
  ],
  args: [1, 1],
  failure: { message: "runc run failed", code: 1 },
  async run(invocation) {
    const { flags } = invocation;
    const notify = notifySocketOf(invocation);
    const creation = bundleCreation(invocation, notify);
    const foreground = !flags.on("detach");
    creation.foreground = foreground;
    let session: ForegroundSession | undefined;
    if (foreground) {
      const terminal = readBundle(creation.bundle).process?.terminal ?? false;
      session = new ForegroundSession(terminal, !flags.on("no-subreaper"));
      if (session.consoleSocketFd !== undefined) creation.consoleSocketFd = session.consoleSocketFd;
    }
    try {
      const created = await withTrace(invocation.context, (context, trace) =>
        launch(context, invocation, trace ? { ...creation, trace } : creation, notify),
      );
      if (!session) {
        notify?.waitReady(created.pid);
        return 0;
      }
      const code = session.wait(created.pid, notify?.target);
      if (!flags.on("keep")) await clear(invocation, created.state);
      return code;
    } finally {
      session?.close();
      notify?.close();
    }
  },
};
