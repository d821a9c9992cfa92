import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Sample } from "./estimate_growth.ts";

/** Older looks say nothing of today's rate. */
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const MAX_SAMPLES = 12;
/** A host has fewer levels; a file of ours must not grow without end. */
const MAX_KEYS = 10_000;
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * What earlier looks saw, so that a slow leak shows too: a few samples a level, spread over a week
 * at most, in the state folder. Without the right to write there it only forgets.
 */
export class SampleStore {
  readonly #path: string;
  #samples = new Map<string, Sample[]>();

  constructor(stateDir: string) {
    this.#path = join(stateDir, "doctor", "levels.json");
  }

  /** Reads what is there; anything that is not ours counts as nothing. */
  load(nowMs: number): void {
    let stored: unknown;
    try {
      const text = readFileSync(this.#path, "utf8");
      stored = text.length > MAX_FILE_BYTES ? {} : (JSON.parse(text) as unknown);
    } catch {
      return;
    }
    for (const [key, list] of Object.entries(stored ?? {}).slice(0, MAX_KEYS)) {
      if (!Array.isArray(list)) continue;
      const samples = list.filter(isSample).filter((one) => nowMs - one.timeMs < MAX_AGE_MS);
      const past = samples.filter((one) => one.timeMs <= nowMs);
      if (past.length > 0) this.#samples.set(key, past.slice(-MAX_SAMPLES));
    }
  }

  of(key: string): readonly Sample[] {
    return this.#samples.get(key) ?? [];
  }

  add(key: string, sample: Sample): void {
    const samples = [...this.of(key), sample];
    this.#samples.set(key, samples.length > MAX_SAMPLES ? thinned(samples) : samples);
  }

  /** Writes it whole under another name and renames it. Silent where that is not allowed. */
  save(): void {
    const entries = [...this.#samples].slice(-MAX_KEYS);
    const part = `${this.#path}.${process.pid}`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o711 });
      writeFileSync(part, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
      renameSync(part, this.#path);
    } catch {
      rmSync(part, { force: true });
    }
  }
}

/** Without the inner sample that lies closest to its neighbour: the rest spans the same time. */
function thinned(samples: Sample[]): Sample[] {
  let closest = 1;
  for (let index = 1; index < samples.length - 1; index++) {
    if (gapBefore(samples, index) < gapBefore(samples, closest)) closest = index;
  }
  return samples.filter((_, index) => index !== closest);
}

function gapBefore(samples: Sample[], index: number): number {
  return samples[index]!.timeMs - samples[index - 1]!.timeMs;
}

function isSample(value: unknown): value is Sample {
  const { timeMs, value: level } = (value ?? {}) as Record<string, unknown>;
  return typeof timeMs === "number" && typeof level === "number";
}
