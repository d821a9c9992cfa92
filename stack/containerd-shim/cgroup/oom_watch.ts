import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../process/container.ts";
import { type CgroupLocation, isUnified } from "./cgroup_location.ts";

/** Between two looks at the counters; an exit looks at once. */
const INTERVAL_MS = 1_000;

/**
 * Tells when the kernel killed processes of a container for lack of memory. One timer reads one
 * small counter for each running container; it rests while there are none.
 */
export class OomWatch {
  readonly #onKill: (containerId: string) => void;
  readonly #kills = new Map<Container, number>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onKill: (containerId: string) => void) {
    this.#onKill = onKill;
  }

  add(container: Container): void {
    if (!container.cgroup) return;
    this.#kills.set(container, readOomKills(container.cgroup) ?? 0);
    this.#timer ??= setInterval(() => {
      for (const watched of this.#kills.keys()) this.check(watched);
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  remove(container: Container): void {
    this.#kills.delete(container);
    if (this.#kills.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks now: before an exit is told, so that its cause is told first. */
  check(container: Container): void {
    const before = this.#kills.get(container);
    if (before === undefined || !container.cgroup) return;
    const now = readOomKills(container.cgroup);
    if (now === undefined || now <= before) return;
    this.#kills.set(container, now);
    this.#onKill(container.id);
  }
}

/** The number of OOM kills in a cgroup; undefined when it cannot be read. */
export function readOomKills(location: CgroupLocation): number | undefined {
  const folder = isUnified(location) ? location.unified : location.v1["memory"];
  if (folder === undefined) return undefined;
  const file = isUnified(location) ? "memory.events" : "memory.oom_control";
  try {
    const text = readFileSync(join(folder, file), "utf8");
    const found = text.match(/^oom_kill (\d+)$/m);
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}
