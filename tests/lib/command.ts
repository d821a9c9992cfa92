import { childEnv } from "#lib/install/child_env.ts";

export interface CommandOptions {
  /** What the command reads; without it, its stdin is /dev/null. */
  stdin?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
}

export interface CommandResult {
  argv: string[];
  /** The exit code, or 128 + signal. */
  code: number;
  stdout: string;
  stderr: string;
  /** True when it was killed because it ran too long. */
  timedOut: boolean;
}

const DEFAULT_TIMEOUT_MS = 120_000;
/** What a child left behind may hold the pipes open: after its exit we do not wait for longer. */
const DRAIN_MS = 2_000;

/** Runs a command to its end and keeps what it printed. Rejects only when it cannot be started. */
export async function runCommand(
  argv: string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const process = Bun.spawn(argv, {
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
    env: childEnv(options.env),
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    process.kill("SIGKILL");
  }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const stdout = new Collector(process.stdout);
  const stderr = new Collector(process.stderr);
  const code = await process.exited;
  clearTimeout(timer);
  await Promise.race([Promise.all([stdout.done, stderr.done]), Bun.sleep(DRAIN_MS)]);
  stdout.cancel();
  stderr.cancel();
  return { argv, code, stdout: stdout.text(), stderr: stderr.text(), timedOut };
}

/** Runs a command that has to succeed. Rejects with everything that it printed when it does not. */
export async function mustRun(argv: string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.code !== 0) throw new Error(describeResult(result));
  return result.stdout;
}

/** One result as a reader of a failed test wants to see it. */
export function describeResult(result: CommandResult): string {
  const how = result.timedOut ? "killed after its time limit" : `exit code ${result.code}`;
  return `${result.argv.join(" ")}: ${how}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`;
}

/** Rejects with all that the command printed unless it ended with this exit code. */
export function expectCode(result: CommandResult, code: number): void {
  if (result.code !== code)
    throw new Error(`exit code ${code} expected\n${describeResult(result)}`);
}

class Collector {
  readonly done: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  readonly #reader;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.done = this.#collect();
  }

  async #collect(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.#chunks.push(value);
    }
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
