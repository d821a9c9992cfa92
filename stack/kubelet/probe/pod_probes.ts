import type { PodRuntime } from "../runtime/pod_runtime.ts";
import type { ContainerSpec, Pod } from "../spec/pod.ts";
import type { ProbeKind } from "../spec/probe_spec.ts";
import type { ActionOutcome } from "./action_outcome.ts";
import { type ProbedContainer, ProbeWorker } from "./probe_worker.ts";
import { runAction } from "./run_action.ts";

const KINDS: readonly ProbeKind[] = ["startup", "liveness", "readiness"];

/** What a probe did, for who tells of it. */
export interface ProbeReport {
  spec: ContainerSpec;
  kind: ProbeKind;
  containerId: string;
  outcome: ActionOutcome;
}

export interface PodProbesOptions {
  runtime: PodRuntime;
  /** The container of this name, if it runs and its hooks are done. */
  running: (name: string) => { id: string; startedMs: number } | undefined;
  ip: () => string;
  /** A verdict changed something that the pod depends on. */
  changed: () => void;
  ran: (report: ProbeReport) => void;
}

interface Verdicts {
  startup?: boolean;
  liveness?: boolean;
  readiness?: boolean;
}

/** All probes of a pod and their verdicts, by container id. */
export class PodProbes {
  readonly #options: PodProbesOptions;
  readonly #verdicts = new Map<string, Verdicts>();
  readonly #specs = new Map<string, ContainerSpec>();
  #workers: ProbeWorker[] = [];

  constructor(options: PodProbesOptions) {
    this.#options = options;
  }

  /** Begins with a pod's probes; those of a former spec are ended. */
  start(pod: Pod): void {
    this.stop();
    for (const spec of [...pod.spec.initContainers, ...pod.spec.containers]) {
      this.#specs.set(spec.name, spec);
      for (const kind of KINDS) if (spec[kind]) this.#add(spec, kind);
    }
  }

  stop(): void {
    for (const worker of this.#workers) worker.stop();
    this.#workers = [];
    this.#specs.clear();
  }

  /** Its startup probe passed, or it has none. */
  isStarted(name: string, id: string): boolean {
    return !this.#specs.get(name)?.startup || this.#verdicts.get(id)?.startup === true;
  }

  /** A running container is ready when it started and its readiness probe, if any, says so. */
  isReady(name: string, id: string): boolean {
    if (!this.isStarted(name, id)) return false;
    return !this.#specs.get(name)?.readiness || this.#verdicts.get(id)?.readiness === true;
  }

  /** Why a container must be ended: its startup or liveness probe failed for good. */
  condemned(name: string, id: string): string | undefined {
    const verdicts = this.#verdicts.get(id);
    if (verdicts?.startup === false) return `Container ${name} failed startup probe`;
    if (verdicts?.liveness === false) return `Container ${name} failed liveness probe`;
    return undefined;
  }

  /** Forgets the verdicts on containers that are gone. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#verdicts.keys()) if (!ids.has(id)) this.#verdicts.delete(id);
  }

  #add(spec: ContainerSpec, kind: ProbeKind): void {
    const probe = spec[kind]!;
    const { runtime, ip, changed, ran } = this.#options;
    const worker = new ProbeWorker({
      kind,
      spec: probe,
      container: () => this.#container(spec.name),
      run: (containerId) =>
        runAction(probe.action, { runtime, containerId, spec, ip: ip() }, probe.timeoutSeconds),
      decided: (id, success) => {
        this.#verdicts.set(id, { ...this.#verdicts.get(id), [kind]: success });
        changed();
      },
      ran: (containerId, outcome) => ran({ spec, kind, containerId, outcome }),
    });
    this.#workers.push(worker);
    // Spread, as the kubelet does: the probes of a node must not all come at once.
    worker.start(Math.random() * Math.min(1000, probe.periodSeconds * 1000));
  }

  #container(name: string): ProbedContainer | undefined {
    const container = this.#options.running(name);
    return container && { ...container, started: this.isStarted(name, container.id) };
  }
}
