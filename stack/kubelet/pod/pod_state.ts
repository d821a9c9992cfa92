import type {
  ContainerDetail,
  ContainerView,
  PodRuntime,
  SandboxView,
} from "../runtime/pod_runtime.ts";
import type { PodRecord } from "../runtime/runtime_watch.ts";

export interface ContainerState extends ContainerView {
  detail: ContainerDetail;
}

/** What there is of one pod now. */
export interface PodState {
  /** Newest first. */
  sandboxes: SandboxView[];
  /** The newest sandbox if it is ready and the only one that is. */
  sandbox: SandboxView | undefined;
  ips: string[];
  /** Newest first. */
  containers: ContainerState[];
}

export const NO_STATE: PodState = { sandboxes: [], sandbox: undefined, ips: [], containers: [] };

/** What a container that ended left to be told. */
export type LastWords = (container: ContainerView, exitCode: number) => string;

/** Completes a pod's record by what only single calls tell; those are made once for each state. */
export class PodStateReader {
  readonly #runtime: PodRuntime;
  readonly #lastWords: LastWords;
  readonly #details = new Map<string, ContainerDetail>();
  readonly #ips = new Map<string, string[]>();

  constructor(runtime: PodRuntime, lastWords: LastWords) {
    this.#runtime = runtime;
    this.#lastWords = lastWords;
  }

  async read({ sandboxes, containers }: PodRecord): Promise<PodState> {
    const ready = sandboxes.filter((one) => one.ready);
    const sandbox = ready.length === 1 && ready[0] === sandboxes[0] ? ready[0] : undefined;
    const states: ContainerState[] = [];
    for (const view of containers) states.push({ ...view, detail: await this.#detail(view) });
    this.#forget(sandboxes, containers);
    const ips = sandbox ? await this.#ipsOf(sandbox.id) : [];
    return { sandboxes, sandbox, ips, containers: states };
  }

  async #detail(view: ContainerView): Promise<ContainerDetail> {
    const known = this.#details.get(view.id);
    if (known && known.phase === view.phase) return known;
    const detail = await this.#runtime.containerDetail(view.id);
    if (view.phase === "exited") detail.message ||= this.#lastWords(view, detail.exitCode);
    // The list is older than the answer: what the list said is what the pod is judged by.
    if (detail.phase === view.phase) this.#details.set(view.id, detail);
    return detail;
  }

  async #ipsOf(id: string): Promise<string[]> {
    const known = this.#ips.get(id);
    if (known) return known;
    const ips = await this.#runtime.sandboxIps(id);
    if (ips.length > 0) this.#ips.set(id, ips);
    return ips;
  }

  #forget(sandboxes: SandboxView[], containers: ContainerView[]): void {
    const ids = new Set([...sandboxes, ...containers].map(({ id }) => id));
    for (const id of this.#details.keys()) if (!ids.has(id)) this.#details.delete(id);
    for (const id of this.#ips.keys()) if (!ids.has(id)) this.#ips.delete(id);
  }
}

/** The newest container of a name, of the pod's present sandbox alone if `sandboxId` is given. */
export function newestOf(
  state: PodState,
  name: string,
  sandboxId?: string,
): ContainerState | undefined {
  return state.containers.find(
    (one) => one.name === name && (sandboxId === undefined || one.sandboxId === sandboxId),
  );
}
