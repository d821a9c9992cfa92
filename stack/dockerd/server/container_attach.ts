import type { CallContext } from "#lib/rpc/service.ts";
import type {
  AttachedStreams,
  AttachOptions,
  LogOptions,
  LogStream,
} from "#wire/docker-api/engine.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { attachedStreams } from "../io/attached.ts";
import { parseDetachKeys } from "../io/escape_keys.ts";
import { type LogQuery, readLog } from "../logs/json_log_reader.ts";
import { conflict, invalid } from "../refusals.ts";

/** POST /containers/ID/attach: before the start (docker run) or while it runs. */
export async function containerAttach(
  daemon: Daemon,
  ref: string,
  options: AttachOptions,
  _context: CallContext,
): Promise<AttachedStreams> {
  const container = daemon.find(ref);
  const { state, config } = container.record;
  if (state.paused) {
    throw conflict(
      "attach",
      `container ${container.id} is paused, unpause the container before attach`,
    );
  }
  if (state.restarting) {
    throw conflict(
      "attach",
      `container ${container.id} is restarting, wait until the container is running before attach`,
    );
  }
  parseDetachKeys(options.detachKeys, "detach");
  const { tty } = container;
  const output = container.hub.subscribe([
    ...(options.stdout || tty ? [1 as const] : []),
    ...(options.stderr ? [2 as const] : []),
  ]);
  const replay = options.logs ? replayOf(container, options) : undefined;
  if (!options.stream) {
    await output.return();
    return { tty, output: replay ?? output };
  }
  daemon.events.container(container, "attach");
  return attachedStreams({
    tty,
    ...(replay ? { replay } : {}),
    output,
    ...(options.stdin && config.OpenStdin
      ? { input: { io: () => runningIo(container), ended: () => endInput(daemon, container) } }
      : {}),
    detachKeys: options.detachKeys,
    detached: () => daemon.events.container(container, "detach"),
  });
}

async function runningIo(container: Container) {
  await container.inputReady();
  return container.task?.io;
}

/**
 * The client's end of input is the process's when it was made so (StdinOnce, as `run -i` sets it).
 */
async function endInput(daemon: Daemon, container: Container): Promise<void> {
  if (!container.record.config.StdinOnce || container.tty) return;
  const io = await runningIo(container);
  if (!io) return;
  await io.endInput();
  const { id: containerId } = container;
  await daemon.services.tasks
    .closeIO({ containerId, execId: "", stdin: true }, daemon.call())
    .catch(() => undefined);
}

function replayOf(container: Container, options: AttachOptions) {
  return readLog(container.logPath, {
    stdout: options.stdout,
    stderr: options.stderr,
    timestamps: false,
    prefix: "",
  });
}

/** GET /containers/ID/logs */
export async function containerLogs(
  daemon: Daemon,
  ref: string,
  options: LogOptions,
  context: CallContext,
): Promise<LogStream> {
  const container = daemon.find(ref);
  if (container.record.hostConfig.LogConfig?.Type === "none") {
    throw invalid("read logs", "configured logging driver does not support reading");
  }
  const query: LogQuery = {
    stdout: options.stdout,
    stderr: options.stderr,
    timestamps: options.timestamps,
    prefix: options.details ? detailsPrefix(container) : "",
  };
  if (options.tail !== undefined) query.tail = options.tail;
  if (options.sinceNs !== undefined) query.sinceNs = options.sinceNs;
  if (options.untilNs !== undefined) query.untilNs = options.untilNs;
  if (options.follow && container.log) query.follow = container.log;
  if (context.signal) query.signal = context.signal;
  return { tty: container.tty, output: readLog(container.logPath, query) };
}

/** `--details`: the labels and variables that the log options name. */
function detailsPrefix(container: Container): string {
  const { config, hostConfig } = container.record;
  const options = hostConfig.LogConfig?.Config ?? {};
  const names = (key: string) => (options[key] ?? "").split(",").filter((name) => name !== "");
  const pairs: string[] = [];
  for (const name of names("labels")) {
    const value = config.Labels?.[name];
    if (value !== undefined) pairs.push(`${name}=${encodeURIComponent(value)}`);
  }
  for (const name of names("env")) {
    const entry = (config.Env ?? []).find((item) => item.startsWith(`${name}=`));
    if (entry) pairs.push(`${name}=${encodeURIComponent(entry.slice(name.length + 1))}`);
  }
  return `${pairs.sort().join(",")} `;
}
