import { neutralText } from "#lib/errors/neutral_text.ts";
import { examine } from "#tools/doctor/examine.ts";
import type { Recognised } from "#tools/doctor/messages/recognise_message.ts";
import type { DoctorOptions } from "#tools/doctor/options.ts";
import type { Report } from "#tools/doctor/report/report.ts";
import { FailureCounter } from "#tools/doctor/watch/failure_counter.ts";
import { watchHost } from "#tools/doctor/watch/watch_host.ts";
import type { FailureReply, FailureRow, FrameReply } from "../model.ts";

const MAX_KEPT = 100;
const MAX_LINE = 600;
/** One failure may name the container, its exec and more; each is looked at. */
const MAX_LOOKS = 3;
/** A look costs the host some tenths of a second: in a flood of failures most get none. */
const LOOK_GAP_MS = 3_000;
const MAX_WAITING = 10;
/** Our own daemons record theirs whole, under this id. */
const RECORDED = /\(catena explain [a-z0-9]+\)/;

/**
 * Failures of daemons that record none: read from the logs and events of every stack. The doctor
 * looks at the container of each as soon as it appears, without trying anything in it.
 */
export class WatchedFailures {
  readonly #options: DoctorOptions;
  readonly #kept = new Map<string, FailureReply>();
  readonly #waiting: { id: string; containers: string[] }[] = [];
  #count = 0;
  #changed = false;
  #looking = false;
  readonly #stop = new AbortController();

  constructor(stateDir: string) {
    this.#options = { stateDir, program: [], probe: false, readOnly: true };
  }

  /** Begins; daemons that come later are followed as well. */
  start(): void {
    const counter = new FailureCounter({ each: true });
    const listener = {
      following: () => undefined,
      tell: async (failure: Recognised) => this.#take(failure),
    };
    watchHost(this.#options, this.#stop.signal, counter, listener).catch((error: unknown) => {
      const message = `failures of other daemons are not followed: ${String(error)}`;
      this.#keep({ message: neutralText(message), frames: [] });
    });
  }

  close(): void {
    this.#waiting.length = 0;
    this.#stop.abort();
  }

  /** Whether there are new ones since the last time that it was asked. */
  poll(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  rows(): FailureRow[] {
    return [...this.#kept.values()].map(({ id, timeMs, message }) => ({ id, timeMs, message }));
  }

  detail(id: string): FailureReply | undefined {
    return this.#kept.get(id);
  }

  #take(failure: Recognised): void {
    if (RECORDED.test(failure.line)) return;
    const message = neutralText(messageOf(failure.line)).slice(0, MAX_LINE);
    const id = this.#keep({ message, frames: [told(failure, message)] });
    const containers = failure.ids.slice(0, MAX_LOOKS);
    if (containers.length === 0) return;
    this.#waiting.push({ id, containers });
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    if (!this.#looking) void this.#look();
  }

  #keep(failure: Pick<FailureReply, "message" | "frames">): string {
    this.#count += 1;
    const id = `seen-${this.#count}`;
    this.#kept.set(id, { id, timeMs: Date.now(), ...failure });
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#changed = true;
    return id;
  }

  /** Looks at the latest, whose traces are fresh, until none waits. Never rejects. */
  async #look(): Promise<void> {
    this.#looking = true;
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      const reports: Report[] = [];
      try {
        for (const container of next.containers) {
          reports.push(...(await examine({ ...this.#options, container })).reports);
        }
      } catch {
        // What the daemon told stands without it.
      }
      const failure = this.#kept.get(next.id);
      failure?.frames.push(...reports.flatMap(judged));
      if (this.#waiting.length > 0) await Bun.sleep(LOOK_GAP_MS);
    }
    this.#looking = false;
  }
}

/** What a line of a log says: the daemons of the field write `time="…" level=… msg="…"`. */
function messageOf(line: string): string {
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  try {
    return quoted === undefined ? line : String(JSON.parse(quoted));
  } catch {
    return line;
  }
}

/** What the daemon itself said. */
function told({ known, passed }: Recognised, message: string): FrameReply {
  const layer = passed[0] ?? known[0]?.links[0] ?? "daemon";
  const meaning = known.find((one) => !one.echo)?.meaning;
  const evidence = meaning === undefined ? [] : [{ kind: "means", value: meaning, ref: null }];
  return { layer, op: "tells", code: "", message, cause: null, causeId: null, fix: null, evidence };
}

/** What the doctor found when it appeared; nothing where it found no cause. */
function judged({ link, cause, sentence, fix, evidence }: Report): FrameReply[] {
  if (!cause) return [];
  const frame: FrameReply = {
    layer: link ?? "container",
    op: "the doctor's look",
    code: cause.confidence,
    message: sentence,
    cause: sentence,
    causeId: cause.id,
    fix: fix.length > 0 ? fix.join("\n") : null,
    evidence: evidence.map(({ kind, value, ref }) => ({ kind, value, ref: ref ?? null })),
  };
  return [frame];
}
