import type { ChainError } from "#lib/errors/chain_error.ts";
import { explanationLine } from "../cause/explanation.ts";
import type { ProbeReport } from "../probe/pod_probes.ts";
import type { Pod } from "../spec/pod.ts";
import type { PodContext } from "./pod_context.ts";
import type { PodEvents } from "./pod_events.ts";

/**
 * Tells what probes found. A probe that fails is the application's matter: `Unhealthy`. One that
 * cannot be executed is not: all probes of a container that one cause stops are one event with a
 * count, which names link, cause and fix.
 */
export class ProbeTeller {
  readonly #context: PodContext;
  readonly #events: PodEvents;
  readonly #pod: () => Pod;
  /** The cause by container, while its probes cannot be executed. */
  readonly unexecuted = new Map<string, string>();
  /** The error under which the cause was recorded, so that its id stays the same. */
  readonly #recorded = new Map<string, { causeId: string; errorId: string }>();

  constructor(context: PodContext, events: PodEvents, pod: () => Pod) {
    this.#context = context;
    this.#events = events;
    this.#pod = pod;
  }

  tell({ spec, kind, containerId, outcome }: ProbeReport): void {
    const labels = { container: spec.name, probe_type: kind };
    this.#context.count("prober_probe_total", { ...labels, result: RESULTS[outcome.result] });
    if (outcome.result === "notExecuted") {
      void this.#notExecuted(spec, containerId, kind, outcome.error);
      return;
    }
    if (this.unexecuted.delete(spec.name)) {
      this.#recorded.delete(spec.name);
      const words = `Probes of container ${spec.name} can be executed again`;
      this.#events.normal("ProbeExecutable", words, spec);
    }
    if (outcome.result === "failure") void this.#failed(spec, containerId, kind, outcome.output);
  }

  /** The application's failure; a full pids cgroup is named, for it may be the reason. */
  async #failed(
    spec: ProbeReport["spec"],
    containerId: string,
    kind: ProbeReport["kind"],
    output: string,
  ): Promise<void> {
    const { explainer, cgroups } = this.#context;
    const site = { containerId, podCgroup: cgroups.pathOf(this.#pod()) };
    const exec = spec[kind]?.action.kind === "exec";
    const crowded = exec ? await explainer.crowded(site).catch(() => undefined) : undefined;
    const probe = kind[0]!.toUpperCase() + kind.slice(1);
    const words = `${probe} probe failed: ${output}`;
    const whole = crowded === undefined ? words : `${words}; ${crowded}`;
    this.#events.warning("Unhealthy", whole, spec, { key: words });
  }

  async #notExecuted(
    spec: ProbeReport["spec"],
    containerId: string,
    kind: string,
    error: ChainError,
  ): Promise<void> {
    const { explainer, cgroups, record, count, watch } = this.#context;
    if (error.causeId === "cri-down" || watch.health.error) {
      // The node's own event tells it, and every pod's status: not one event more for each of them.
      const causeId = error.causeId ?? "unknown";
      count("catena_probe_not_executed_total", { container: spec.name, cause: causeId });
      return;
    }
    const site = { containerId, podCgroup: cgroups.pathOf(this.#pod()) };
    const found = await explainer.explain(error, site);
    const { causeId, link, cause, fix } = found;
    // It ended while it was asked: that is told by its own status.
    const now = await this.#context.runtime.containerDetail(containerId).catch(() => undefined);
    if (now && now.phase !== "running") return;
    count("catena_probe_not_executed_total", { container: spec.name, cause: causeId });
    const before = this.#recorded.get(spec.name);
    const errorId = before?.causeId === causeId ? before.errorId : error.id;
    if (errorId === error.id) record(error);
    this.#recorded.set(spec.name, { causeId, errorId });
    const line = explanationLine({ ...found, errorId });
    this.unexecuted.set(spec.name, line);
    const head = `Probes of container ${spec.name} cannot be executed (last: ${kind}); `;
    const words = `${head}this is no failure of the application; ${line}`;
    const evidence = found.evidence.map(({ value, ref }) => (ref ? `${value} (${ref})` : value));
    this.#events.warning("ProbeNotExecuted", words, spec, {
      key: causeId === "unknown" ? `unknown ${found.words}` : causeId,
      details: { link, causeId, cause, fix, evidence: evidence.join("; "), errorId },
    });
  }
}

const RESULTS = { success: "successful", failure: "failed", notExecuted: "unknown" } as const;
