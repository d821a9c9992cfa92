import { childEnv } from "#lib/install/child_env.ts";
import { waitUntil } from "./wait_until.ts";

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** A program on a pseudo-terminal of its own, driven as a person would: type, resize, read. */
export class TerminalSession {
  readonly #process: Bun.Subprocess;
  readonly #terminal: Bun.Terminal;
  #output = "";

  constructor(argv: string[], size: TerminalSize, env: Record<string, string> = {}) {
    const decoder = new TextDecoder();
    const process = Bun.spawn(argv, {
      env: childEnv({ TERM: "xterm", ...env }),
      terminal: {
        cols: size.columns,
        rows: size.rows,
        data: (_terminal, bytes) => {
          this.#output += decoder.decode(bytes, { stream: true });
        },
      },
    });
    this.#process = process;
    this.#terminal = process.terminal!;
  }

  /** Everything shown so far. */
  get output(): string {
    return this.#output;
  }

  type(text: string): void {
    this.#terminal.write(text);
  }

  resize(size: TerminalSize): void {
    this.#terminal.resize(size.columns, size.rows);
  }

  /** Waits until `pattern` was shown. */
  async shows(pattern: RegExp): Promise<void> {
    await waitUntil(
      `the terminal shows ${pattern}`,
      () => pattern.test(this.#output) || undefined,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\nshown: ${JSON.stringify(this.#output.slice(-2000))}`);
    });
  }

  /**
   * Types `command` again until `pattern` is shown: what it asks for may take a while. `before` is
   * called each time, for what the program may have missed.
   */
  async asksUntil(command: string, pattern: RegExp, before = () => {}): Promise<void> {
    let asked = 0;
    await waitUntil(`${JSON.stringify(command)} shows ${pattern}`, () => {
      if (pattern.test(this.#output)) return true;
      if (asked++ % 10 === 0) {
        before();
        this.type(command);
      }
      return undefined;
    }).catch((error: Error) => {
      throw new Error(`${error.message}\nshown: ${JSON.stringify(this.#output.slice(-2000))}`);
    });
  }

  /** The exit code of the program. */
  async exited(limitMs = 60_000): Promise<number> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), limitMs);
    const code = await this.#process.exited;
    clearTimeout(timer);
    this.#terminal.close();
    return code;
  }

  /** Ends it when the test did not. */
  close(): void {
    if (this.#process.exitCode === null) this.#process.kill("SIGKILL");
    this.#terminal.close();
  }
}
