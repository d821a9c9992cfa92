import type { Log } from "#lib/log/log.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { nanoseconds } from "../convert/timestamp.ts";
import { isNotFound } from "../refusals.ts";
import { CriLogFile, type LogPosition, logPosition } from "./cri_log_file.ts";
import { type LogEntry, LogEntryParser } from "./log_entry.ts";

/** A daemon that goes away comes back in seconds; asked for longer and longer, then rarely. */
const RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;

/** Carries one container's log from Docker into the file where the kubelet wants it. */
export class ContainerLog {
  readonly #engine: DockerEngine;
  readonly #log: Log;
  readonly #id: string;
  readonly #file: CriLogFile;
  readonly #leaving = new AbortController();
  #position: LogPosition | undefined;
  /** Resolves when all of an ended container's output is written, or when closed. */
  readonly done: Promise<void>;

  /** Goes on where the file ends. Throws a system error when the file cannot be opened. */
  constructor(engine: DockerEngine, log: Log, container: { id: string; path: string }) {
    this.#engine = engine;
    this.#log = log;
    this.#id = container.id;
    this.#position = logPosition(container.path);
    this.#file = new CriLogFile(container.path);
    this.done = this.#follow().finally(() => this.#file.close());
  }

  reopen(): void {
    this.#file.reopen();
  }

  /** Stops following; what is written stays. */
  close(): Promise<void> {
    this.#leaving.abort();
    return this.done;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#leaving;
    let waitMs = RETRY_MS;
    while (!signal.aborted) {
      try {
        await this.#read(true);
        // Docker may end the stream before it has written the last of the output.
        if (!signal.aborted) await this.#read(false);
        return;
      } catch (thrown) {
        if (signal.aborted || isNotFound(thrown)) return;
        this.#log.warn("container log interrupted", { container: this.#id, error: thrown });
      }
      await pause(waitMs, signal);
      waitMs = Math.min(waitMs * 2, MAX_RETRY_MS);
    }
  }

  async #read(follow: boolean): Promise<void> {
    const { signal } = this.#leaving;
    const options = {
      stdout: true,
      stderr: true,
      follow,
      timestamps: true,
      details: false,
      ...(this.#position && { sinceNs: nanoseconds(this.#position.time) }),
    };
    const { tty, output } = await this.#engine.containerLogs(this.#id, options, { signal });
    const parser = new LogEntryParser(tty);
    const skip = new WrittenEntries(this.#position);
    for await (const { stream, data } of output) {
      if (signal.aborted) return;
      this.#write(skip.rest(parser.push(stream, data)));
    }
    if (!signal.aborted) this.#write(skip.rest(parser.end()));
  }

  #write(entries: LogEntry[]): void {
    this.#file.write(entries);
    for (const { time } of entries) {
      if (this.#position?.time === time) this.#position.count++;
      else this.#position = { time, count: 1 };
    }
  }
}

/** Tells entries that a log already holds from those that follow. */
class WrittenEntries {
  readonly #time: string | undefined;
  #left: number;

  constructor(position: LogPosition | undefined) {
    this.#time = position?.time;
    this.#left = position?.count ?? 0;
  }

  rest(entries: LogEntry[]): LogEntry[] {
    const time = this.#time;
    if (time === undefined) return entries;
    return entries.filter((entry) => {
      if (entry.time < time) return false;
      if (entry.time > time || this.#left === 0) return true;
      this.#left--;
      return false;
    });
  }
}

/** Waits, unless the signal aborts first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
