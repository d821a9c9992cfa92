import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { recordError, recordsFolder } from "#lib/errors/error_record.ts";
import { DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import { Log, type LogLevel } from "#lib/log/log.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { createDockershim, type NetworkChoice } from "#stack/dockershim/main.ts";
import { serveCri } from "#wire/cri/server.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import { lockFolder } from "../daemon_lock.ts";

export const USAGE = `usage: catena dockershim --docker SOCKET [options]

  --docker SOCKET        Docker below, ours or any other (required)
  --root DIR             checkpoints of pods (default ${DEFAULT_ROOT_DIR}/dockershim)
  --state DIR            socket and records (default ${DEFAULT_STATE_DIR})
  -a, --address SOCKET   where the CRI is served (default STATE/cri.sock)
  --network KIND         cni, docker (its bridge) or loopback
                         (default: cni where a configuration is found, else loopback)
  --cni-conf-dir DIR     default /etc/cni/net.d
  --cni-bin-dir DIR      may be repeated; default /opt/cni/bin, /usr/lib/cni
  --pause-image NAME     default: the one that is built in
  --streaming HOST:PORT  where exec, attach and port-forward are served
                         (default 127.0.0.1 and any port)
  --no-trace             keep no traces
  -l, --log-level LEVEL  debug, info, warn or error
`;

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
const NETWORKS: readonly string[] = ["cni", "docker", "loopback"];
/** How long calls under way may take to end when the daemon is told to stop. */
const GRACE_MS = 1_000;

/**
 * `catena dockershim`: the CRI on a socket, over any Docker. Resolves after SIGTERM or SIGINT; pods
 * run on. Rejects when it cannot serve, with what was brought up taken down.
 */
export async function runDockershim(args: string[]): Promise<void> {
  const flags = readFlags(args);
  if (!flags) {
    process.stdout.write(USAGE);
    return;
  }
  const { root, state, address, docker, level, trace, ...options } = flags;
  const log = new Log("dockershim", level);
  const unwind: (() => Promise<void> | void)[] = [];
  try {
    for (const folder of [root, state]) mkdirSync(folder, { recursive: true, mode: 0o711 });
    unwind.push(lockFolder(root, "dockershim.pid"));
    mkdirSync(recordsFolder(state), { recursive: true, mode: 0o700 });
    process.env["CATENA_STATE"] = state;
    const spans = trace ? new SpoolSink(state) : undefined;
    unwind.push(() => spans?.flushSync());
    const engine = connectDocker(docker);
    const shim = await createDockershim({
      ...options,
      engine,
      root,
      state,
      log,
      ...(spans && { spans }),
    });
    unwind.push(() => shim.close());
    const server = await serveCri(shim.services, address, (error) => recordError(state, error));
    unwind.push(() => server.close(GRACE_MS));
    log.info("dockershim serves", { address, docker, root, state });
    log.info("dockershim stops; pods run on", { signal: await stopSignal() });
  } finally {
    for (const step of unwind.reverse()) await step();
  }
}

function readFlags(args: string[]) {
  const values = parse(args);
  if (values.help) return undefined;
  if (!values.docker) throw badFlags("dockershim needs --docker SOCKET");
  const level = values["log-level"];
  if (!LEVELS.includes(level)) throw badFlags(`--log-level: one of ${LEVELS.join(", ")}`);
  const { network } = values;
  if (network !== undefined && !NETWORKS.includes(network)) {
    throw badFlags(`--network: one of ${NETWORKS.join(", ")}`);
  }
  const state = resolve(values.state);
  return {
    docker: resolve(values.docker.replace(/^unix:\/\//, "")),
    root: resolve(values.root),
    state,
    address: resolve((values.address ?? join(state, "cri.sock")).replace(/^unix:\/\//, "")),
    trace: !values["no-trace"],
    level: level as LogLevel,
    ...(network ? { network: network as NetworkChoice } : {}),
    ...(values["cni-conf-dir"] ? { confDir: resolve(values["cni-conf-dir"]) } : {}),
    ...(values["cni-bin-dir"] ? { binDirs: values["cni-bin-dir"].map((dir) => resolve(dir)) } : {}),
    ...(values["pause-image"] ? { pauseImage: values["pause-image"] } : {}),
    ...streamingOf(values.streaming),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        docker: { type: "string" },
        root: { type: "string", default: join(DEFAULT_ROOT_DIR, "dockershim") },
        state: { type: "string", default: DEFAULT_STATE_DIR },
        address: { type: "string", short: "a" },
        network: { type: "string" },
        "cni-conf-dir": { type: "string" },
        "cni-bin-dir": { type: "string", multiple: true },
        "pause-image": { type: "string" },
        streaming: { type: "string" },
        "no-trace": { type: "boolean", default: false },
        "log-level": { type: "string", short: "l", default: "info" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw badFlags(toChainError(error, "cli", "read flags").words);
  }
}

function streamingOf(text: string | undefined) {
  if (text === undefined) return {};
  const match = text.match(/^(.+):([0-9]{1,5})$/);
  if (!match || Number(match[2]) > 65_535) throw badFlags(`--streaming ${text}: give HOST:PORT`);
  const streamingHost = match[1]!.replace(/^\[(.*)\]$/, "$1");
  return { streamingHost, streamingPort: Number(match[2]) };
}

function badFlags(message: string) {
  const fix = "see catena dockershim --help";
  return failure({ layer: "cli", op: "read flags", code: "invalid_argument", message, fix });
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
  });
}
