import { childEnv } from "#lib/install/child_env.ts";

export interface CastSize {
  columns: number;
  rows: number;
}

/** A recording in asciinema's format, version 2: seconds, "o" for output, text. */
export interface Cast {
  size: CastSize;
  title: string;
  events: [seconds: number, kind: "o", text: string][];
}

const PROMPT = "\x1b[32m$\x1b[0m ";
const KEY_S = 0.035;
const THINK_S = 0.9;
const READ_S = 2.5;

/** Records commands as a person would type them, each on a pseudo-terminal of its own. */
export class CastRecorder {
  readonly cast: Cast;
  readonly #replace: (text: string) => string;
  #now = 0;

  /** `replace` is applied to each line of output. */
  constructor(title: string, size: CastSize, replace: (text: string) => string) {
    this.cast = { title, size, events: [] };
    this.#replace = replace;
  }

  /** Types `words`, runs `argv`, records what it prints. Returns its exit code. */
  async run(words: string, argv: string[]): Promise<number> {
    this.#add(THINK_S, PROMPT);
    for (const key of words) this.#add(KEY_S, key);
    this.#add(THINK_S / 2, "\r\n");
    const lines: { ms: number; text: string }[] = [];
    const decoder = new TextDecoder();
    const began = performance.now();
    let rest = "";
    const { columns: cols, rows } = this.cast.size;
    const process = Bun.spawn(argv, {
      env: childEnv({ TERM: "xterm-256color" }),
      terminal: {
        cols,
        rows,
        data: (_terminal, bytes) => {
          const parts = (rest + decoder.decode(bytes, { stream: true })).split(/(?<=\n)/);
          rest = parts.at(-1)!.endsWith("\n") ? "" : parts.pop()!;
          for (const text of parts) lines.push({ ms: performance.now() - began, text });
        },
      },
    });
    const code = await process.exited;
    process.terminal!.close();
    if (rest !== "") lines.push({ ms: performance.now() - began, text: `${rest}\r\n` });
    const start = this.#now;
    for (const { ms, text } of lines) {
      this.#now = Math.max(this.#now, start + ms / 1000);
      this.#add(0, this.#replace(text));
    }
    this.#now += READ_S;
    return code;
  }

  #add(after: number, text: string): void {
    this.#now += after;
    this.cast.events.push([Math.round(this.#now * 1000) / 1000, "o", text]);
  }
}

/** A cast as the file that `asciinema play` takes. */
export function castFile({ size, title, events }: Cast): string {
  const head = { version: 2, width: size.columns, height: size.rows, title };
  return `${[head, ...events].map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** Reads such a file. Throws when it is none. */
export function readCast(text: string): Cast {
  const [head, ...rest] = text.trim().split("\n");
  const { version, width, height, title } = JSON.parse(head!);
  if (version !== 2) throw new Error(`no cast of version 2: ${head}`);
  const events = rest.map((line) => JSON.parse(line) as Cast["events"][number]);
  return { size: { columns: width, rows: height }, title, events };
}
