import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { findErrorRecord, recordsFolder } from "#lib/errors/error_record.ts";
import type { FailureReply, FailureRow } from "../model.ts";
import type { WatchedFailures } from "./watched_failures.ts";

const MAX_LISTED = 100;
const MAX_MESSAGE = 600;

/** The failures that this host recorded, the latest first. */
export class FailureShelf {
  readonly #stateDir: string;
  /** Records do not change once they are written. */
  #known = new Map<string, FailureRow>();

  /** What daemons that record nothing told. */
  readonly #watched: WatchedFailures;

  constructor(stateDir: string, watched: WatchedFailures) {
    this.#stateDir = stateDir;
    this.#watched = watched;
  }

  /** Looks for new ones. Returns the list when it changed. */
  poll(): FailureRow[] | undefined {
    const told = this.#watched.poll();
    return this.#readNew() || told ? this.rows() : undefined;
  }

  #readNew(): boolean {
    const folder = recordsFolder(this.#stateDir);
    let names: string[];
    try {
      names = readdirSync(folder);
    } catch {
      return false;
    }
    const ids = names.flatMap((name) => /^([a-z0-9]{1,32})\.json$/.exec(name)?.[1] ?? []);
    const fresh = ids.filter((id) => !this.#known.has(id));
    const gone = this.#known.size + fresh.length > ids.length;
    if (fresh.length === 0 && !gone) return false;
    const present = new Set(ids);
    this.#known = new Map([...this.#known].filter(([id]) => present.has(id)));
    for (const id of fresh) {
      const row = this.#read(join(folder, `${id}.json`), id);
      if (row) this.#known.set(id, row);
    }
    return true;
  }

  rows(): FailureRow[] {
    const all = [...this.#known.values(), ...this.#watched.rows()];
    return all.sort((left, right) => right.timeMs - left.timeMs).slice(0, MAX_LISTED);
  }

  /** One failure, frame by frame. Undefined when it is not recorded. */
  detail(id: string): FailureReply | undefined {
    const record = findErrorRecord(this.#stateDir, id);
    if (!record) return this.#watched.detail(id);
    const { error, time } = record;
    return {
      id,
      timeMs: Date.parse(time),
      message: error.words,
      frames: error.frames.map((frame) => ({
        layer: frame.layer,
        op: frame.op,
        code: frame.code,
        message: frame.message,
        cause: frame.cause ?? null,
        causeId: frame.causeId ?? null,
        fix: frame.fix ?? null,
        evidence: frame.evidence.map(({ kind, value, ref }) => ({ kind, value, ref: ref ?? null })),
      })),
    };
  }

  #read(path: string, id: string): FailureRow | undefined {
    const record = findErrorRecord(this.#stateDir, id);
    if (!record) return undefined;
    const timeMs =
      Date.parse(record.time) || (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return { id, timeMs, message: record.error.words.slice(0, MAX_MESSAGE) };
  }
}
