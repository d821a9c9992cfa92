import { POLL, poll } from "#lib/linux/descriptor.ts";
import { closeFile, openFile, statFile } from "#lib/linux/file.ts";
import { oomEventDescriptor, takeEvents } from "#lib/linux/oom_event.ts";
import { cgroupCallError, readKeyValues } from "./cgroup_files.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";

/** The kernel signals a changed v2 event file by an exceptional condition. */
const POLL_PRIORITY = 2;

/** Out-of-memory events of one container: an eventfd on v1, the memory.events file on v2. */
export class OomWatch {
  readonly #folder: string;
  readonly #unified: boolean;
  readonly #fd: number;
  #seen = 0n;

  constructor(paths: CgroupPaths) {
    this.#unified = isUnified(paths);
    this.#folder = (this.#unified ? paths[""] : paths["memory"]) ?? "";
    try {
      this.#fd = this.#unified
        ? openFile(`${this.#folder}/memory.events`)
        : oomEventDescriptor(this.#folder);
    } catch (error) {
      throw cgroupCallError(error, this.#folder);
    }
    this.#seen = this.#kills();
  }

  #kills(): bigint {
    return this.#unified ? (readKeyValues(this.#folder, "memory.events")["oom"] ?? 0n) : 0n;
  }

  /** False once the cgroup was removed. */
  get exists(): boolean {
    return statFile(this.#folder) !== undefined;
  }

  /** Waits at most so long. Returns how many out-of-memory events came. */
  wait(timeoutMs: number): number {
    const [events] = poll([this.#fd, this.#unified ? POLL_PRIORITY : POLL.IN], timeoutMs);
    if (!events || !this.exists) return 0;
    if (!this.#unified) return takeEvents(this.#fd);
    const now = this.#kills();
    const fresh = Number(now - this.#seen);
    this.#seen = now;
    return fresh;
  }

  close(): void {
    closeFile(this.#fd);
  }
}
