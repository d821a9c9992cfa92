import { mkdirSync } from "node:fs";
import { Log } from "#lib/log/log.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import type { ContainerInspect, ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import { type ContainerKind, kindFilter, readLabels } from "./convert/docker_labels.ts";
import { pause } from "./logs/container_log.ts";
import { LogStore } from "./logs/log_store.ts";
import { type NetworkOptions, PodNetwork } from "./network/pod_network.ts";
import { ensurePauseImage, PAUSE_IMAGE } from "./pause/pause_image.ts";
import { DockerPulse } from "./process/docker_pulse.ts";
import { refuse } from "./refusals.ts";
import { OomKills } from "./state/oom_kills.ts";
import { CheckpointStore } from "./state/sandbox_checkpoint.ts";
import { UsageSamples } from "./stats/usage_samples.ts";
import { StreamingServer } from "./streaming/streaming_server.ts";

export interface DockershimOptions extends NetworkOptions {
  /** Docker below: ours in this process, or any over its socket. */
  engine: DockerEngine;
  /** What must outlive a reboot: checkpoints. */
  root: string;
  /** Records of failures, shared with the links below where they are ours. */
  state: string;
  /** Default: the one that is built in. */
  pauseImage?: string;
  /** Where URLs of exec, attach and port-forward point to. Default: loopback, any port. */
  streamingHost?: string;
  streamingPort?: number;
  spans?: SpanSink;
  log?: Log;
}

/** How often a Docker that does not answer is asked again. */
const RECOVER_MS = 5_000;

/** How long Docker may take to answer a look. */
const LOOK_MS = 20_000;
/** As a share of a caller's deadline; a kubelet gives up at half of what it grants. */
const LOOK_SHARE = 0.4;

/** How many containers are remembered as ours. */
const MAX_KNOWN = 10_000;

/** What all requests share. */
export class Dockershim {
  readonly engine: DockerEngine;
  readonly pulse: DockerPulse;
  readonly state: string;
  readonly pauseImage: string;
  readonly network: PodNetwork;
  readonly checkpoints: CheckpointStore;
  readonly logs: LogStore;
  readonly ooms: OomKills;
  readonly streaming: StreamingServer;
  readonly samples = new UsageSamples();
  readonly tracer: Tracer;
  readonly log: Log;
  /** Aborted when the dockershim closes: streams end with it. */
  readonly closing = new AbortController();
  readonly #containers = new Set<string>();
  #pauseReady: Promise<string> | undefined;

  constructor(options: DockershimOptions) {
    mkdirSync(options.root, { recursive: true, mode: 0o711 });
    this.engine = options.engine;
    this.pulse = new DockerPulse(options.engine);
    this.state = options.state;
    this.pauseImage = options.pauseImage ?? PAUSE_IMAGE;
    this.log = options.log ?? new Log("dockershim");
    this.tracer = new Tracer("dockershim", options.spans);
    this.network = new PodNetwork(options);
    this.checkpoints = new CheckpointStore(options.root);
    this.logs = new LogStore(this.engine, this.log);
    this.ooms = new OomKills(this.engine, this.log, this.closing.signal);
    const { streamingHost: host = "127.0.0.1", streamingPort: port = 0 } = options;
    this.streaming = new StreamingServer(this.engine, this.log, { host, port });
  }

  /**
   * The context of calls to Docker. The caller's abort is not passed on: what has begun is
   * finished, whoever still waits for it.
   */
  call(context: CallContext): CallContext {
    return context.trace ? { trace: context.trace } : {};
  }

  /**
   * The context of calls that only look: they end with the caller's patience, so that a Docker
   * that hangs does not gather them, and a little before it, so that the caller hears who hangs.
   */
  look(context: CallContext): CallContext {
    const limitMs = Math.min(LOOK_MS, (context.timeoutMs ?? Infinity) * LOOK_SHARE);
    const limit = AbortSignal.timeout(Math.max(Math.trunc(limitMs), 1));
    const signal = context.signal ? AbortSignal.any([context.signal, limit]) : limit;
    return { ...this.call(context), signal };
  }

  /** The name of the pause image, which is there then: looked for by one at a time. */
  pauseImageReady(context: CallContext): Promise<string> {
    this.#pauseReady ??= ensurePauseImage(this.engine, this.pauseImage, this.call(context)).finally(
      () => {
        this.#pauseReady = undefined;
      },
    );
    return this.#pauseReady;
  }

  /** A sandbox or container by its id or a beginning of it. Others of Docker's are not found. */
  async find(kind: ContainerKind, id: string, context: CallContext): Promise<ContainerInspect> {
    const found = await this.engine.containerInspect(id, false, this.look(context));
    if (readLabels(found.Config.Labels).kind === kind) return found;
    const what = kind === "container" ? "container" : "sandbox";
    throw refuse("not_found", `find ${what}`, `${what} with id ${id} not found`);
  }

  /**
   * The whole id of a container of ours. Asked of Docker once: what a container is never changes,
   * and probes ask every second.
   */
  async containerId(id: string, context: CallContext): Promise<string> {
    if (this.#containers.has(id)) return id;
    const { Id } = await this.find("container", id, context);
    if (this.#containers.size >= MAX_KNOWN) this.#containers.clear();
    this.#containers.add(Id);
    return Id;
  }

  /** Drops what is known of a container that is removed. */
  forget(id: string): void {
    this.#containers.delete(id);
    this.samples.forget(id);
    this.ooms.forget(id);
  }

  /** All sandboxes or containers, running or not, newest first; `more`: further label filters. */
  list(kind: ContainerKind, more: string[], context: CallContext): Promise<ContainerSummary[]> {
    const filters = { label: [kindFilter(kind), ...more] };
    return this.engine.containerList(
      { all: true, limit: 0, size: false, filters },
      this.look(context),
    );
  }

  /** Goes on with the logs of an earlier life, and waits for a Docker that is not up yet. */
  async recover(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.logs.recover();
        await this.#clearLost();
        return;
      } catch (error) {
        this.log.warn("docker does not answer", { error });
      }
      await pause(RECOVER_MS, signal);
    }
  }

  /**
   * Takes the network of sandboxes down that somebody removed behind our back: without that, their
   * addresses would be held for ever.
   */
  async #clearLost(): Promise<void> {
    const present = new Set((await this.list("podsandbox", [], {})).map(({ Id }) => Id));
    for (const id of this.checkpoints.ids()) {
      const checkpoint = present.has(id) ? undefined : this.checkpoints.read(id);
      if (!checkpoint) continue;
      const { network } = checkpoint;
      try {
        if (network) await this.network.detach({ id, metadata: checkpoint, netns: "" }, network);
        this.checkpoints.remove(id);
      } catch (error) {
        this.log.warn("network of a lost sandbox is not taken down", { sandbox: id, error });
      }
    }
  }
}
