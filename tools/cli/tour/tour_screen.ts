import { createInterface } from "node:readline/promises";
import { neutralText } from "#lib/errors/neutral_text.ts";

/** The reader left, by a key or by a signal: not a failure, all is taken down. */
export class TourLeft extends Error {}

/** What the reader sees of the tour and answers to it. */
export interface TourScreen {
  /** A step's title; on a terminal it begins after the reader's Enter. */
  heading(title: string): Promise<void>;
  /** Text of the tour's own. */
  say(text: string): Promise<void>;
  /** A command as a person would type it, before its output. */
  command(argv: string[]): Promise<void>;
  /** Whether the reader wants this; without a terminal what `otherwise` says. */
  ask(question: string, otherwise: boolean): Promise<boolean>;
}

/** The tour on this process's terminal, or without questions where there is none. */
export class TerminalScreen implements TourScreen {
  readonly #stepped: boolean;
  readonly #colour: boolean;
  readonly #left: AbortSignal;
  #steps = 0;

  /** `left` is aborted when the reader leaves; `stepped`: each step waits for Enter. */
  constructor(options: { stepped: boolean; colour: boolean; left: AbortSignal }) {
    this.#stepped = options.stepped;
    this.#colour = options.colour;
    this.#left = options.left;
  }

  async heading(title: string): Promise<void> {
    if (this.#steps > 0 && this.#stepped) {
      const answer = await this.#question("\n[Enter] goes on, q leaves: ");
      if (/^q/i.test(answer.trim())) throw new TourLeft("the reader left");
    }
    this.#steps += 1;
    await this.say(`\n${this.#paint("1", `=== ${this.#steps}. ${title} ===`)}\n`);
  }

  async say(text: string): Promise<void> {
    if (this.#left.aborted) throw new TourLeft("the reader left");
    // Written whole before a child writes to the same place.
    await Bun.write(Bun.stdout, `${text}\n`);
  }

  command(argv: string[]): Promise<void> {
    return this.say(`\n${this.#paint("1", `$ ${argv.map(quoted).join(" ")}`)}`);
  }

  async ask(question: string, otherwise: boolean): Promise<boolean> {
    if (!this.#stepped) return otherwise;
    const answer = await this.#question(`\n${question} [Y/n] `);
    return !/^n/i.test(answer.trim());
  }

  async #question(text: string): Promise<string> {
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    const closed = new AbortController();
    // In its raw mode readline takes Ctrl-C for itself; the end of input leaves the tour too.
    lines.once("SIGINT", () => closed.abort());
    lines.once("close", () => closed.abort());
    try {
      return await lines.question(text, { signal: AbortSignal.any([this.#left, closed.signal]) });
    } catch {
      throw new TourLeft("the reader left");
    } finally {
      lines.close();
    }
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  const safe = neutralText(word);
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
