import { mkdirSync } from "node:fs";
import { cpus, networkInterfaces, totalmem } from "node:os";
import type { ChainError } from "#lib/errors/chain_error.ts";
import { recordError } from "#lib/errors/error_record.ts";
import type { Layer } from "#lib/errors/frame.ts";
import type { Log } from "#lib/log/log.ts";
import { type SpanSink, Tracer } from "#lib/trace/tracer.ts";
import type { CriServices } from "#wire/cri/services.ts";
import { FailureExplainer } from "./cause/explain_failure.ts";
import type { RecogniseText } from "./cause/explanation.ts";
import { type CgroupDriver, DriverAgreement } from "./cgroup/cgroup_driver.ts";
import { cgroupMounts } from "./cgroup/cgroup_mounts.ts";
import { PodCgroups } from "./cgroup/pod_cgroups.ts";
import { CriCaller } from "./client/cri_call.ts";
import { CRI_LIMITS, type CriLimits, CriRuntime } from "./client/cri_runtime.ts";
import { type EventObject, EventRecorder } from "./event/event_recorder.ts";
import { ImageGc } from "./gc/image_gc.ts";
import { rotateLogs } from "./gc/log_rotation.ts";
import { LOG_ROTATION, type RotationLimits } from "./logs/rotate_log.ts";
import { type BackOffTimes, RESTART_BACK_OFF } from "./pod/back_off.ts";
import type { PodContext } from "./pod/pod_context.ts";
import { PodSet } from "./pod/pod_set.ts";
import type { PodRuntime } from "./runtime/pod_runtime.ts";
import { type RuntimeHealth, RuntimeWatch } from "./runtime/runtime_watch.ts";
import { apiToken } from "./server/api_token.ts";
import { serveHttp } from "./server/http_server.ts";
import { ManifestFolder } from "./source/manifest_folder.ts";
import type { PodSource } from "./source/pod_source.ts";
import { Counters } from "./stats/kubelet_metrics.ts";
import { PodFolders } from "./volume/pod_folders.ts";

export interface KubeletOptions {
  cri: CriServices;
  /** The CRI's socket, for messages. */
  criAddress: string;
  /** The folder of static pods, unless `source` is given. */
  manifests: string;
  source?: PodSource;
  /** Pods' files; outlives a reboot. */
  root: string;
  /** Token and records of failures. */
  state: string;
  /** Containers' logs. */
  logs: string;
  nodeName: string;
  /** The node's address; found out by default. */
  nodeIp?: string;
  /** Where the HTTP API is served: loopback unless told otherwise; port 0 for any. */
  address: string;
  port: number;
  /** The cgroup above `kubepods`. */
  cgroupRoot: string;
  /** Who makes cgroups; as the runtime has it unless told. */
  cgroupDriver?: CgroupDriver;
  podPidsLimit?: number;
  imageGc: { highPercent: number; lowPercent: number };
  backOff?: BackOffTimes;
  /** When containers' logs are put aside. */
  logRotation?: RotationLimits;
  criLimits?: CriLimits;
  /** The doctor's table of messages, for links that give nothing but text. */
  recognise?: RecogniseText;
  spans?: SpanSink;
  log: Log;
}

export interface Kubelet {
  /** The port of the HTTP API. */
  port: number;
  /** Ends the kubelet; its pods run on. */
  close(): Promise<void>;
}

const HOUSEKEEPING_MS = 5_000;
const IMAGE_GC_MS = 300_000;

/**
 * Starts a kubelet. Rejects when its folders, its manifests or its port cannot be had, or when it
 * was told another cgroup driver than its runtime has.
 */
export async function createKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { log, state, root } = options;
  mkdirSync(root, { recursive: true, mode: 0o750 });
  mkdirSync(options.logs, { recursive: true, mode: 0o755 });
  const parts = assemble(options);
  const { watch, pods, context } = parts;
  await parts.driver.agreeIfAnswered();
  const source = options.source ?? new ManifestFolder(options.manifests, options.nodeName);
  const timers: NodeJS.Timeout[] = [];
  const http = await serveHttp({
    api: parts,
    address: options.address,
    port: options.port,
    token: apiToken(state),
  });
  const close = async (): Promise<void> => {
    for (const timer of timers) clearInterval(timer);
    source.close();
    watch.close();
    await Promise.all([pods.close(), http.close()]);
  };
  try {
    await source.start((wanted) => pods.apply(wanted));
  } catch (error) {
    await close();
    throw error;
  }
  watch.start();
  const gc = new ImageGc({
    ...{ runtime: context.runtime, events: context.events, ...options.imageGc },
    node: nodeObject(options.nodeName),
    inUse: () =>
      new Set(watch.all().containers.flatMap(({ image, imageRef }) => [image, imageRef])),
  });
  const rotation = options.logRotation ?? LOG_ROTATION;
  let rotating = false;
  const keepHouse = async (): Promise<void> => {
    pods.keepHouse();
    if (rotating) return;
    rotating = true;
    await rotateLogs(context, pods.views(), rotation);
    rotating = false;
  };
  timers.push(setInterval(() => void keepHouse(), HOUSEKEEPING_MS));
  timers.push(setInterval(() => void gc.collect(), IMAGE_GC_MS));
  log.info("kubelet serves", {
    address: `${options.address}:${http.port}`,
    cri: options.criAddress,
  });
  return { port: http.port, close };
}

function assemble(options: KubeletOptions) {
  const { log, state, nodeName } = options;
  const events = new EventRecorder(log);
  const counters = new Counters();
  let layer: Layer = guessLayer(options.criAddress);
  const caller = new CriCaller({
    layer: () => layer,
    address: options.criAddress,
    tracer: new Tracer("kubelet", options.spans),
  });
  const runtime: PodRuntime = new CriRuntime(options.cri, caller, options.criLimits ?? CRI_LIMITS);
  const mounts = cgroupMounts();
  const { podPidsLimit, cgroupDriver } = options;
  const driver = new DriverAgreement({
    ask: () => runtime.cgroupDriver(),
    ...(cgroupDriver && { wanted: cgroupDriver }),
  });
  const cgroups = new PodCgroups({
    ...{ root: options.cgroupRoot, mounts, driver },
    ...(podPidsLimit !== undefined && { podPidsLimit }),
  });
  const watch = new RuntimeWatch({
    runtime,
    changed: (uid) => pods.changed(uid),
    healthChanged: (health) => {
      tellHealth(events, nodeName, health);
      if (health.error) record(health.error);
      else
        void runtime.status().then(
          ({ name }) => (layer = guessLayer(name)),
          () => {},
        );
      for (const { pod } of pods.views()) pods.changed(pod.uid);
    },
  });
  const record = (error: ChainError) => recordError(state, error);
  const { recognise } = options;
  const explainer = new FailureExplainer({
    ...{ mounts, runtime, runtimeError: () => watch.health.error },
    ...(recognise && { recognise }),
  });
  const context: PodContext = {
    ...{ runtime, watch, events, cgroups, log, record, explainer },
    folders: new PodFolders(options.root, options.logs),
    node: {
      name: nodeName,
      ip: options.nodeIp ?? ownAddress(),
      cpuCores: cpus().length,
      memoryBytes: totalmem(),
    },
    backOff: options.backOff ?? RESTART_BACK_OFF,
    count: (name, labels) => counters.add(name, labels),
  };
  const pods: PodSet = new PodSet(context);
  return { context, watch, pods, mounts, counters, caller, driver };
}

/** Which link serves a CRI, from the name that it gives itself or that its socket has. */
function guessLayer(name: string): Layer {
  return /containerd/.test(name) ? "containerd" : "dockershim";
}

function nodeObject(name: string): EventObject {
  return { kind: "Node", name, namespace: "", uid: name };
}

function tellHealth(events: EventRecorder, nodeName: string, { error }: RuntimeHealth): void {
  const object = nodeObject(nodeName);
  if (!error) {
    const message = "the container runtime answers";
    events.record({ object, type: "Normal", reason: "RuntimeReady", message });
    return;
  }
  const causeId = error.causeId ?? "unknown";
  const message = `the container runtime does not answer: ${error.message}`;
  const details = { causeId, link: error.root.layer };
  const key = causeId === "unknown" ? error.words : causeId;
  events.record({ object, type: "Warning", reason: "RuntimeUnavailable", message, key, details });
}

/** The node's first address that others can reach; loopback where it has none. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === "IPv4" && !internal) return address;
    }
  }
  return "127.0.0.1";
}
