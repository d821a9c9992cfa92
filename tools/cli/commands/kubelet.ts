import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { recordsFolder } from "#lib/errors/error_record.ts";
import { DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import { notifyManager } from "#lib/linux/notify.ts";
import { Log, type LogLevel } from "#lib/log/log.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { LOG_ROTATION } from "#stack/kubelet/logs/rotate_log.ts";
import { createKubelet, type KubeletOptions } from "#stack/kubelet/main.ts";
import { connectCri } from "#wire/cri/client/cri_client.ts";
import { recogniseText } from "../cri/recognise_text.ts";
import { lockFolder } from "../daemon_lock.ts";
import { stopSignal } from "../io/stop_signal.ts";

export const USAGE = `usage: catena kubelet --manifests DIR [options]

  --manifests DIR        folder of static pods: v1 Pod or PodList, YAML or JSON; watched
  --cri SOCKET           the container runtime's CRI (default ${DEFAULT_STATE_DIR}/cri.sock)
  --root DIR             pods' files and logs (default ${DEFAULT_ROOT_DIR}/kubelet)
  --state DIR            token and records (default ${DEFAULT_STATE_DIR})
  --logs DIR             containers' logs (default ROOT/logs)
  --node-name NAME       name of this node, and the end of each pod's name (default: host name)
  --node-ip ADDRESS      its address (default: the first that is not loopback)
  --address ADDRESS      where the HTTP API listens (default 127.0.0.1)
  --port N               its port, 0 for any free one (default 10255)
  --cgroup-root PATH     cgroup above kubepods (default /)
  --cgroup-driver NAME   cgroupfs or systemd (default: as the container runtime has it)
  --pod-pids-limit N     most processes and threads of a pod (default: no limit)
  --image-gc-high N      percent of the image store's file system from which unused images go
  --image-gc-low N       percent down to which they go (defaults 85 and 80)
  --log-max-bytes N      a container's log is put aside beyond this (default 10485760)
  --log-max-files N      files of a log that are kept (default 5)
  --restart-delay SEC    first delay of a restart, doubling to 30 times as much (default 10)
  --cri-timeout SEC      after how long without an answer the runtime is hung (default 10)
  --no-trace             keep no traces
  -l, --log-level LEVEL  debug, info, warn or error
`;

const LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly LogLevel[];
const DRIVERS = ["cgroupfs", "systemd"] as const;
/** From the first delay of a restart to the longest: 10 s to 5 min. */
const LONGEST_DELAY = 30;

/**
 * `catena kubelet`: static pods over any CRI. Resolves after SIGTERM or SIGINT; pods run on.
 * Rejects when it cannot serve, with what was brought up taken down.
 */
export async function runKubelet(args: string[]): Promise<void> {
  const flags = parse(args);
  if (flags.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (!flags.manifests) throw badFlags("--manifests: give the folder of static pods");
  const state = resolve(flags.state);
  const level = oneOf("--log-level", flags["log-level"], LEVELS);
  const log = new Log("kubelet", level);
  const unwind: (() => Promise<void> | void)[] = [];
  try {
    mkdirSync(state, { recursive: true, mode: 0o711 });
    mkdirSync(recordsFolder(state), { recursive: true, mode: 0o700 });
    unwind.push(lockFolder(state, "kubelet.pid"));
    const spans = flags["no-trace"] ? undefined : new SpoolSink(state);
    unwind.push(() => spans?.flushSync());
    const socket = resolve((flags.cri ?? join(state, "cri.sock")).replace(/^unix:\/\//, ""));
    // Whom errors without frames are put down to: containerd serves its CRI on its own socket.
    const layer = socket.includes("containerd") ? "containerd" : "dockershim";
    const connection = connectCri(socket, { layer });
    unwind.push(() => connection.close());
    const kubelet = await createKubelet({
      ...optionsOf(flags),
      ...{ cri: connection.services, criAddress: socket, state, log },
      ...(spans && { spans }),
    });
    unwind.push(() => kubelet.close());
    notifyManager("READY=1", process.env["NOTIFY_SOCKET"]);
    log.info("kubelet stops; pods run on", { signal: await stopSignal() });
  } finally {
    for (const step of unwind.reverse()) await step();
  }
}

type Flags = ReturnType<typeof parse>;
type Given = "cri" | "criAddress" | "state" | "log" | "spans";

function optionsOf(flags: Flags): Omit<KubeletOptions, Given> {
  const root = resolve(flags.root);
  const initialMs = number("--restart-delay", flags["restart-delay"], 1, 3600) * 1000;
  const readMs = number("--cri-timeout", flags["cri-timeout"], 1, 600) * 1000;
  const pids = flags["pod-pids-limit"];
  const nodeIp = flags["node-ip"];
  const driver = flags["cgroup-driver"];
  return {
    root,
    manifests: resolve(flags.manifests ?? ""),
    logs: resolve(flags.logs ?? join(root, "logs")),
    nodeName: (flags["node-name"] ?? hostname()).toLowerCase(),
    address: flags.address,
    port: number("--port", flags.port, 0, 65_535),
    cgroupRoot: resolve("/", flags["cgroup-root"]),
    ...(driver !== undefined && { cgroupDriver: oneOf("--cgroup-driver", driver, DRIVERS) }),
    ...(nodeIp !== undefined && { nodeIp }),
    ...(pids !== undefined && { podPidsLimit: number("--pod-pids-limit", pids, 1, 4_194_304) }),
    imageGc: {
      highPercent: number("--image-gc-high", flags["image-gc-high"], 1, 100),
      lowPercent: number("--image-gc-low", flags["image-gc-low"], 0, 100),
    },
    logRotation: {
      maxBytes: number("--log-max-bytes", flags["log-max-bytes"], 1024, 2 ** 40),
      maxFiles: number("--log-max-files", flags["log-max-files"], 2, 1000),
    },
    backOff: { initialMs, maxMs: initialMs * LONGEST_DELAY },
    criLimits: { readMs, changeMs: 12 * readMs, pullMs: 90 * readMs },
    recognise: recogniseText,
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args,
      options: {
        manifests: text,
        cri: text,
        root: { ...text, default: join(DEFAULT_ROOT_DIR, "kubelet") },
        state: { ...text, default: DEFAULT_STATE_DIR },
        logs: text,
        "node-name": text,
        "node-ip": text,
        address: { ...text, default: "127.0.0.1" },
        port: { ...text, default: "10255" },
        "cgroup-root": { ...text, default: "/" },
        "cgroup-driver": text,
        "pod-pids-limit": text,
        "image-gc-high": { ...text, default: "85" },
        "image-gc-low": { ...text, default: "80" },
        "log-max-bytes": { ...text, default: String(LOG_ROTATION.maxBytes) },
        "log-max-files": { ...text, default: String(LOG_ROTATION.maxFiles) },
        "restart-delay": { ...text, default: "10" },
        "cri-timeout": { ...text, default: "10" },
        "no-trace": { type: "boolean", default: false },
        "log-level": { ...text, short: "l", default: "info" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw badFlags(toChainError(error, "cli", "read flags").words);
  }
}

function number(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw badFlags(`${flag} ${text}: give a number from ${min} to ${max}`);
}

function oneOf<T extends string>(flag: string, word: string, words: readonly T[]): T {
  const found = words.find((one) => one === word);
  if (found !== undefined) return found;
  throw badFlags(`${flag}: one of ${words.join(", ")}`);
}

function badFlags(message: string) {
  const fix = "see catena kubelet --help";
  return failure({ layer: "cli", op: "read flags", code: "invalid_argument", message, fix });
}
