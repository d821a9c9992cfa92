import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { recordError, recordsFolder } from "#lib/errors/error_record.ts";
import { binPath, DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import { Log, type LogLevel } from "#lib/log/log.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { createContainerd } from "#stack/containerd/main.ts";
import { serveContainerd } from "#wire/containerd-api/server.ts";
import { lockFolder } from "../daemon_lock.ts";
import { logKernelGaps } from "../kernel_check.ts";

export const USAGE = `usage: catena containerd [options]

  --root DIR             content, snapshots and metadata (default ${DEFAULT_ROOT_DIR}/containerd)
  --state DIR            bundles, sockets and records (default ${DEFAULT_STATE_DIR}/containerd)
  -a, --address SOCKET   gRPC socket (default STATE/containerd.sock)
  --no-trace             keep no traces
  -l, --log-level LEVEL  debug, info, warn or error
`;

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
/** How long calls under way may take to end when the daemon is told to stop. */
const GRACE_MS = 1_000;

interface Flags {
  root: string;
  state: string;
  address: string;
  trace: boolean;
  level: LogLevel;
}

/**
 * `catena containerd`: containerd's gRPC services on a socket. Resolves after SIGTERM or SIGINT;
 * containers run on. Rejects when it cannot serve, with what was brought up taken down.
 */
export async function runContainerd(args: string[]): Promise<void> {
  const flags = readFlags(args);
  if (!flags) {
    process.stdout.write(USAGE);
    return;
  }
  const { root, state, address, level } = flags;
  const log = new Log("containerd", level);
  const unwind: (() => Promise<void> | void)[] = [];
  logKernelGaps(log);
  try {
    for (const folder of new Set([root, state])) {
      mkdirSync(folder, { recursive: true, mode: 0o711 });
      unwind.push(lockFolder(folder, "containerd.pid"));
    }
    mkdirSync(recordsFolder(state), { recursive: true, mode: 0o700 });
    // Shims and runtimes are found on PATH as containerd finds them, and record where we do.
    process.env["PATH"] = `${process.env["PATH"] ?? ""}:${dirname(binPath("catena"))}`;
    process.env["CATENA_STATE"] = state;
    const traces = flags.trace ? new SpoolSink(state) : undefined;
    unwind.push(() => traces?.flushSync());
    const debug = level === "debug";
    const options = { root, state, address, log, debug, ...(traces && { traces }) };
    const containerd = await createContainerd(options);
    unwind.push(() => containerd.close());
    const server = await serveContainerd(containerd.services, address, (error) =>
      recordError(state, error),
    );
    unwind.push(() => server.close(GRACE_MS));
    log.info("containerd serves", { address, root, state });
    log.info("containerd stops; containers run on", { signal: await stopSignal() });
  } finally {
    for (const step of unwind.reverse()) await step();
  }
}

function readFlags(args: string[]): Flags | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const level = values["log-level"];
  if (!LEVELS.includes(level)) throw badFlags(`--log-level: one of ${LEVELS.join(", ")}`);
  const state = resolve(values.state);
  return {
    root: resolve(values.root),
    state,
    address: resolve(values.address ?? join(state, "containerd.sock")),
    trace: !values["no-trace"],
    level: level as LogLevel,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        root: { type: "string", default: join(DEFAULT_ROOT_DIR, "containerd") },
        state: { type: "string", default: join(DEFAULT_STATE_DIR, "containerd") },
        address: { type: "string", short: "a" },
        "no-trace": { type: "boolean", default: false },
        "log-level": { type: "string", short: "l", default: "info" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw badFlags(toChainError(error, "cli", "read flags").words);
  }
}

function badFlags(message: string) {
  const fix = "see catena containerd --help";
  return failure({ layer: "cli", op: "read flags", code: "invalid_argument", message, fix });
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
  });
}
