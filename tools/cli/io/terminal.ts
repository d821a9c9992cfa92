/** The size of our terminal, as resize calls take it. */
export interface TerminalSize {
  height: number;
  width: number;
}

/** Our own terminal while it is lent to a container's process. */
export class LentTerminal {
  #onResize: (() => void) | undefined;

  /** Keys go to the process as they are typed, Ctrl-C included. */
  constructor() {
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
  }

  get size(): TerminalSize | undefined {
    const { rows, columns } = process.stdout;
    return rows > 0 && columns > 0 ? { height: rows, width: columns } : undefined;
  }

  /** Tells the size now and whenever it changes. */
  follow(resize: (size: TerminalSize) => void): void {
    const tell = () => {
      if (this.size) resize(this.size);
    };
    this.#onResize = tell;
    process.stdout.on("resize", tell);
    tell();
  }

  /** Gives the terminal back as it was. */
  restore(): void {
    if (this.#onResize) process.stdout.off("resize", this.#onResize);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
  }
}
