import type { EventObject } from "../event/event_recorder.ts";
import { orphanedPods, removeLeftovers } from "../gc/orphans.ts";
import type { WantedPods } from "../source/pod_source.ts";
import type { ManifestEntry } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";
import type { PodContext } from "./pod_context.ts";
import type { PodView } from "./pod_view.ts";
import { PodWorker } from "./pod_worker.ts";

/** How long pods may take to notice that their kubelet ends. */
const CLOSE_MS = 2_000;

/** The pods of this node: one worker each, made and ended as the source says. */
export class PodSet {
  readonly #context: PodContext;
  readonly #workers = new Map<string, PodWorker>();
  readonly #runs = new Set<Promise<void>>();
  #wanted: Pod[] | undefined;
  #entries: ManifestEntry[] = [];
  #closed = false;

  constructor(context: PodContext) {
    this.#context = context;
  }

  /** Takes what is wanted now: starts, changes and ends pods. */
  apply({ pods, entries }: WantedPods): void {
    this.#wanted = pods;
    this.#entries = entries;
    for (const entry of entries) this.#tell(entry);
    this.#reconcile();
  }

  /** The pod's record in the runtime changed. */
  changed(uid: string): void {
    this.#workers.get(uid)?.wake();
  }

  views(): PodView[] {
    return [...this.#workers.values()].map((worker) => worker.view());
  }

  find(namespace: string, name: string, uid?: string): PodView | undefined {
    return this.views().find(
      ({ pod }) =>
        pod.namespace === namespace && pod.name === name && (uid === undefined || pod.uid === uid),
    );
  }

  /** What is wrong with the manifests. */
  findings(): ManifestEntry[] {
    return this.#entries;
  }

  /** Ends pods of former kubelets whose manifests are gone, and removes what such pods left. */
  keepHouse(): void {
    // Before the first manifests are read nothing can be said to be unwanted.
    if (!this.#wanted || this.#closed) return;
    const { watch } = this.#context;
    if (watch.health.error || watch.health.listedMs === 0) return;
    const known = new Set([...this.#workers.keys(), ...this.#wanted.map(({ uid }) => uid)]);
    for (const pod of orphanedPods(watch.all().sandboxes, known)) {
      this.#context.log.info("ends a pod whose manifest is gone", { pod: pod.name, uid: pod.uid });
      this.#add(pod).terminate();
    }
    const living = new Set([...known, ...watch.uids(), ...this.#workers.keys()]);
    removeLeftovers(this.#context, living);
  }

  /** Lets go of the pods; they run on. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const worker of this.#workers.values()) worker.close();
    await Promise.race([Promise.allSettled(this.#runs), Bun.sleep(CLOSE_MS)]);
  }

  #reconcile(): void {
    if (this.#closed || !this.#wanted) return;
    const wanted = new Map(this.#wanted.map((pod) => [pod.uid, pod]));
    for (const [uid, worker] of this.#workers) if (!wanted.has(uid)) worker.terminate();
    for (const pod of wanted.values()) {
      const worker = this.#workers.get(pod.uid);
      // A pod of the same name must be gone first; its end brings us here again.
      if (!worker && !this.find(pod.namespace, pod.name)) this.#add(pod);
      else if (worker && differs(worker.pod, pod)) worker.update(pod);
    }
  }

  #add(pod: Pod): PodWorker {
    const worker = new PodWorker(this.#context, pod);
    this.#workers.set(pod.uid, worker);
    const run = worker.run().finally(() => {
      this.#runs.delete(run);
      if (this.#closed) return;
      this.#workers.delete(pod.uid);
      this.#reconcile();
    });
    this.#runs.add(run);
    return worker;
  }

  #tell({ origin, errors, warnings }: ManifestEntry): void {
    const object: EventObject = { kind: "Manifest", name: origin, namespace: "", uid: "" };
    const { events } = this.#context;
    const line = ({ path, message }: { path: string; message: string }) =>
      path === "" ? message : `${path}: ${message}`;
    for (const one of errors) {
      const message = `manifest refused: ${line(one)}`;
      events.record({
        object,
        type: "Warning",
        reason: "FailedValidation",
        message,
        key: line(one),
      });
    }
    for (const one of warnings) {
      events.record({ object, type: "Warning", reason: "UnknownField", message: line(one) });
    }
  }
}

function differs(a: Pod, b: Pod): boolean {
  const text = ({ labels, annotations, rawSpec }: Pod) =>
    JSON.stringify([labels, annotations, rawSpec]);
  return text(a) !== text(b);
}
