import { neutralText } from "#lib/errors/neutral_text.ts";
import type { ProgressMessage } from "#wire/docker-api/types/image.ts";

/** What a screen needs of a terminal. */
export interface ScreenOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/**
 * Shows a progress stream: on a terminal one line a layer that is drawn anew, elsewhere a line for
 * each change of state.
 */
export class ProgressScreen {
  readonly #out: ScreenOutput;
  /** Line of each layer, counted from the first. */
  readonly #lines = new Map<string, number>();
  readonly #told = new Map<string, string>();

  constructor(out: ScreenOutput) {
    this.#out = out;
  }

  show(message: ProgressMessage): void {
    const { id, status = "", stream, progress } = message;
    if (stream !== undefined) {
      this.#out.write(stream);
      return;
    }
    if (status === "") return;
    const text = neutralText(status);
    if (id === undefined) {
      this.#out.write(`${text}\n`);
      return;
    }
    const layer = neutralText(id);
    // "1: Pulling from x" is a headline, with the tag in place of a layer.
    const isLayer = message.progressDetail !== undefined;
    if (!isLayer || !this.#out.isTTY) this.#tellChange(layer, text, progress !== undefined);
    else this.#draw(layer, [text, progress].filter(Boolean).join(" "));
  }

  /** A file or a pipe gets no bars. */
  #tellChange(id: string, status: string, isMoving: boolean): void {
    if (isMoving || this.#told.get(id) === status) return;
    this.#told.set(id, status);
    this.#out.write(`${id}: ${status}\n`);
  }

  #draw(id: string, text: string): void {
    const known = this.#lines.get(id);
    const line = `${id}: ${text}`.slice(0, Math.max(20, (this.#out.columns || 80) - 1));
    if (known === undefined) {
      this.#lines.set(id, this.#lines.size);
      this.#out.write(`${line}\n`);
      return;
    }
    const up = this.#lines.size - known;
    this.#out.write(`\u001b[${up}A\r\u001b[2K${line}\r\u001b[${up}B`);
  }
}
