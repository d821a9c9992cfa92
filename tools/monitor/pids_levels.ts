import type { QuickFiles } from "./quick_files.ts";
import type { PidsLimit } from "./sample.ts";

/** Deeper trees than this do not occur. */
const MAX_LEVELS = 32;
/** How long it is taken for granted which levels have a limit. */
const LIMITED_FOR_MS = 10_000;
/** Folders remembered; a host with more reads some of them twice. */
const MAX_KNOWN = 10_000;

/** The levels of the pids hierarchy above containers: many have the same, so each is read once. */
export class PidsLevels {
  readonly #files: QuickFiles;
  /** Where the way up ends. */
  readonly #tops: ReadonlySet<string>;
  readonly #freshForMs: number;
  #limited = new Map<string, { untilMs: number; folders: string[] }>();
  #levels = new Map<string, { untilMs: number; limit: PidsLimit | undefined }>();

  /** `freshForMs`: what was read is told again for so long. */
  constructor(files: QuickFiles, tops: ReadonlySet<string>, freshForMs: number) {
    this.#files = files;
    this.#tops = tops;
    this.#freshForMs = freshForMs;
  }

  /** The level with the least room now: the container's own, whose figures are given, or above. */
  tightest(own: PidsLimit, timeMs: number): PidsLimit | undefined {
    let tightest = Number.isFinite(own.max) ? own : undefined;
    for (const folder of this.#limitedAbove(own.folder, timeMs)) {
      const level = this.#level(folder, timeMs);
      if (level && (!tightest || level.max - level.current < tightest.max - tightest.current)) {
        tightest = level;
      }
    }
    return tightest;
  }

  /** Folders above that have a limit, innermost first. */
  #limitedAbove(folder: string, timeMs: number): string[] {
    const parent = above(folder);
    const known = this.#limited.get(parent);
    if (known && timeMs < known.untilMs) return known.folders;
    const folders: string[] = [];
    let at = parent;
    for (let level = 0; level < MAX_LEVELS && at.length > 1 && !this.#tops.has(at); level++) {
      if (this.#files.number(`${at}/pids.max`) !== undefined) folders.push(at);
      at = above(at);
    }
    keep(this.#limited, parent, { untilMs: timeMs + LIMITED_FOR_MS, folders });
    return folders;
  }

  #level(folder: string, timeMs: number): PidsLimit | undefined {
    const known = this.#levels.get(folder);
    if (known && timeMs < known.untilMs) return known.limit;
    const max = this.#files.number(`${folder}/pids.max`);
    const current = this.#files.number(`${folder}/pids.current`);
    const limit = max === undefined || current === undefined ? undefined : { folder, current, max };
    keep(this.#levels, folder, { untilMs: timeMs + this.#freshForMs, limit });
    return limit;
  }
}

const above = (folder: string) => folder.slice(0, folder.lastIndexOf("/"));

function keep<T>(known: Map<string, T>, folder: string, value: T): void {
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(folder, value);
}
