import { type ChainError, toChainError } from "#lib/errors/chain_error.ts";
import type { ContainerView, PodRuntime, SandboxView } from "./pod_runtime.ts";

/** What the runtime has of one pod; the newest first. */
export interface PodRecord {
  sandboxes: SandboxView[];
  containers: ContainerView[];
}

/** Whether the runtime answers, since when, and if not, why. */
export interface RuntimeHealth {
  error?: ChainError;
  sinceMs: number;
  /** When it last listed its pods; 0 for never. */
  listedMs: number;
}

export interface RuntimeWatchOptions {
  runtime: PodRuntime;
  /** A pod's record is another than before. */
  changed: (uid: string) => void;
  /** The runtime stopped answering, answers again, or fails for another reason. */
  healthChanged: (health: RuntimeHealth) => void;
  periodMs?: number;
}

/** As the kubelet's relist period. */
const PERIOD_MS = 1_000;
const NOTHING: PodRecord = { sandboxes: [], containers: [] };

/**
 * Lists the runtime's pods every second, one list for all pods, and tells whose record changed.
 * While the runtime does not answer the last records stay.
 */
export class RuntimeWatch {
  health: RuntimeHealth = { sinceMs: Date.now(), listedMs: 0 };
  readonly #options: RuntimeWatchOptions;
  #records = new Map<string, PodRecord>();
  #signatures = new Map<string, string>();
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: RuntimeWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const period = this.#options.periodMs ?? PERIOD_MS;
    const turn = async (): Promise<void> => {
      await this.fresh().catch(() => {});
      if (!this.#closed) this.#timer = setTimeout(() => void turn(), period);
    };
    void turn();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  record(uid: string): PodRecord {
    return this.#records.get(uid) ?? NOTHING;
  }

  /** Every pod that the runtime has something of. */
  uids(): string[] {
    return [...this.#records.keys()];
  }

  all(): PodRecord {
    const records = [...this.#records.values()];
    return {
      sandboxes: records.flatMap(({ sandboxes }) => sandboxes),
      containers: records.flatMap(({ containers }) => containers),
    };
  }

  /**
   * Resolves when a list that was begun after this call is in. However many ask meanwhile, it is
   * one list. Rejects with the runtime's error.
   */
  fresh(): Promise<void> {
    if (!this.#current) {
      this.#current = this.#list().finally(() => {
        this.#current = undefined;
      });
      return this.#current;
    }
    this.#next ??= this.#current
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.fresh();
      });
    return this.#next;
  }

  async #list(): Promise<void> {
    const { runtime } = this.#options;
    try {
      const [sandboxes, containers] = await Promise.all([
        runtime.listSandboxes(),
        runtime.listContainers(),
      ]);
      this.#take(sandboxes, containers);
      this.#setHealth(undefined);
    } catch (thrown) {
      const error = toChainError(thrown, "kubelet", "list pods");
      this.#setHealth(error);
      throw error;
    }
  }

  #take(sandboxes: SandboxView[], containers: ContainerView[]): void {
    const records = new Map<string, PodRecord>();
    const owner = new Map<string, PodRecord>();
    for (const sandbox of sandboxes.toSorted(newestFirst)) {
      const record = records.get(sandbox.uid) ?? { sandboxes: [], containers: [] };
      record.sandboxes.push(sandbox);
      records.set(sandbox.uid, record);
      owner.set(sandbox.id, record);
    }
    for (const container of containers.toSorted(newestFirst)) {
      owner.get(container.sandboxId)?.containers.push(container);
    }
    this.#records = records;
    this.#tellChanges();
  }

  #tellChanges(): void {
    const before = this.#signatures;
    this.#signatures = new Map();
    for (const [uid, record] of this.#records) this.#signatures.set(uid, signature(record));
    for (const uid of new Set([...before.keys(), ...this.#signatures.keys()])) {
      if (before.get(uid) !== this.#signatures.get(uid)) this.#options.changed(uid);
    }
  }

  #setHealth(error: ChainError | undefined): void {
    const before = this.health;
    const now = Date.now();
    const same = before.error?.words === error?.words && before.error?.causeId === error?.causeId;
    this.health = {
      sinceMs: same ? before.sinceMs : now,
      listedMs: error ? before.listedMs : now,
      ...(error && { error }),
    };
    if (!same) this.#options.healthChanged(this.health);
  }
}

function newestFirst(a: { createdMs: number; attempt: number }, b: typeof a): number {
  return b.createdMs - a.createdMs || b.attempt - a.attempt;
}

function signature({ sandboxes, containers }: PodRecord): string {
  const parts = sandboxes.map(({ id, ready }) => `${id}=${ready}`);
  return [...parts, ...containers.map(({ id, phase }) => `${id}=${phase}`)].join(" ");
}
