import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { recordError } from "#lib/errors/error_record.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { notifyManager } from "#lib/linux/notify.ts";
import { Log } from "#lib/log/log.ts";
import { otlpEndpoint } from "#lib/trace/otlp/otlp_client.ts";
import { setHeadSampling } from "#lib/trace/span.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import { createContainerd } from "#stack/containerd/main.ts";
import { createDockerd } from "#stack/dockerd/main.ts";
import { localContainerd } from "#wire/containerd-api/client.ts";
import { serveContainerd } from "#wire/containerd-api/server.ts";
import { serveDockerApi } from "#wire/docker-api/server/http_server.ts";
import { type PodFlags, servePods } from "../cri/serve_pods.ts";
import { lockFolder } from "../daemon_lock.ts";
import { openForwarded } from "../docker_hosts.ts";
import { type DockerdFlags, dockerdSettings } from "../dockerd_settings.ts";
import { stopSignal } from "../io/stop_signal.ts";
import { logKernelGaps } from "../kernel_check.ts";
import { SOCKET_GROUP_NAME, socketGroupId } from "../socket_group.ts";

export interface DaemonFlags extends PodFlags, DockerdFlags {
  /** Set to false by --no-trace. */
  trace: boolean;
  /** A collector's base URL. */
  otlp?: string;
  /** Share of the traces begun here that are sampled. */
  traceSample?: number;
  /** The folder of static pods; undefined for no kubelet. */
  manifests?: string;
  /** Of the kubelet's HTTP API. */
  kubeletPort: number;
  /** The cgroup above its kubepods. */
  kubeletCgroupRoot: string;
  /** Milliseconds between two samples of each container; undefined for none. */
  monitor?: number;
}

/** How long gRPC calls under way may take to end when the daemon is told to stop. */
const GRACE_MS = 1000;

/**
 * `catena daemon`: all links from kubelet down in one process, each on its own socket. Resolves
 * after SIGTERM or SIGINT with what it had opened closed again; containers run on. Rejects when
 * something cannot be brought up, with all that was brought up before taken down.
 */
export async function runDaemon(flags: DaemonFlags): Promise<void> {
  const { root, state } = flags;
  const log = new Log("cli", flags.debug ? "debug" : "info");
  const unwind: (() => Promise<void> | void)[] = [];
  // Ours alone: a shim or a container that inherited it would speak for us.
  const manager = process.env["NOTIFY_SOCKET"];
  delete process.env["NOTIFY_SOCKET"];
  logKernelGaps(log);
  try {
    await bringUp(flags, log, unwind);
    notifyManager("READY=1", manager);
    log.info("catena serves", { docker: join(state, "docker.sock"), root, state });
    const signal = await stopSignal();
    notifyManager("STOPPING=1", manager);
    log.info("catena stops; containers run on", { signal });
  } finally {
    for (const step of unwind.reverse()) {
      try {
        await step();
      } catch (error) {
        log.error("could not close cleanly", { error: String(error) });
      }
    }
  }
}

async function bringUp(
  flags: DaemonFlags,
  log: Log,
  unwind: (() => Promise<void> | void)[],
): Promise<void> {
  const { root, state } = flags;
  const { hosts, group, options } = dockerdSettings(flags);
  const sockets = [join(state, "docker.sock"), ...hosts.sockets];
  const gid = socketGroupId(group);
  mkdirSync(root, { recursive: true, mode: 0o711 });
  mkdirSync(state, { recursive: true, mode: 0o711 });
  for (const folder of new Set([state, root])) unwind.push(lockFolder(folder, "catena.pid"));
  // Shims and runtimes are found on PATH as containerd finds them, and record where we do.
  process.env["PATH"] = `${dirname(binPath("catena"))}:${process.env["PATH"] ?? ""}`;
  process.env["CATENA_STATE"] = state;
  // Links below record what their caller sampled: nothing then but failures.
  if (!flags.trace) setHeadSampling(0);
  const spans = flags.trace ? await startTracing(flags, log, unwind) : undefined;
  const address = join(state, "containerd.sock");
  const containerd = await createContainerd({
    root: join(root, "containerd"),
    state: join(state, "containerd"),
    address,
    log: new Log("containerd", flags.debug ? "debug" : "info"),
    debug: flags.debug === true,
    ...(spans && { traces: spans }),
  });
  unwind.push(() => containerd.close());
  const containerdServer = await serveContainerd(containerd.services, address, (error) =>
    recordError(state, error),
  );
  unwind.push(() => containerdServer.close(GRACE_MS));
  const dockerdLog = new Log("dockerd", flags.debug ? "debug" : "info");
  const dockerd = await createDockerd({
    containerd: localContainerd(containerd.services),
    root: join(root, "dockerd"),
    state,
    defaultRuntime: "catena",
    ...options,
    ...(spans && { spans }),
    log: dockerdLog,
  });
  unwind.push(() => dockerd.close());
  for (const socketPath of new Set(sockets)) {
    const server = await serveDockerApi({
      engine: dockerd.engine,
      socketPath,
      ...(gid !== undefined && { socketGid: gid }),
      tracer: new Tracer("dockerd", spans),
      log: dockerdLog,
      stateDir: state,
    });
    unwind.push(() => server.close());
  }
  await openForwarded(hosts.forwarded, sockets[0]!, unwind);
  const cri = await servePods(dockerd.engine, flags, spans, unwind);
  if (flags.manifests !== undefined) {
    const { serveKubelet } = await import("../cri/serve_kubelet.ts");
    await serveKubelet(cri, { ...flags, manifests: flags.manifests }, spans, unwind);
  }
  if (flags.monitor !== undefined) unwind.push(await monitorContainers(flags, flags.monitor, log));
  log.debug("sockets belong to", { group: group ?? SOCKET_GROUP_NAME, gid: gid ?? 0 });
}

/** Spans go to the spool, and from there to a collector where one is named. */
async function startTracing(
  flags: DaemonFlags,
  log: Log,
  unwind: (() => Promise<void> | void)[],
): Promise<SpoolSink> {
  if (flags.traceSample !== undefined) setHeadSampling(flags.traceSample);
  const { exportTraces } = await import("../trace/export_traces.ts");
  const { state, otlp } = flags;
  // What is sampled here is sent whole: the share was taken already.
  const stop = exportTraces({ state, ...(otlp !== undefined && { otlp }) }, log);
  if (stop) unwind.push(stop);
  const spans = new SpoolSink(state);
  unwind.push(() => spans.flushSync());
  return spans;
}

/** Samples containers from within the daemon; Prometheus finds them on a socket of its own. */
async function monitorContainers(flags: DaemonFlags, intervalMs: number, log: Log) {
  const { startMonitor } = await import("../monitor/start_monitor.ts");
  const { root, state } = flags;
  const metrics = { socketPath: join(state, "metrics.sock") };
  const dockerSockets = [join(state, "docker.sock")];
  const otlp = otlpEndpoint(flags.otlp);
  const running = startMonitor({
    root,
    state,
    intervalMs,
    metrics,
    dockerSockets,
    ...(otlp && { otlp }),
    warn: (message, fields) => log.warn(message, fields),
  });
  log.info("monitoring containers", { metrics: running.url, intervalMs });
  return () => running.stop();
}
