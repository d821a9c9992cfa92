import { spawn } from "node:child_process";
import { childEnv } from "#lib/install/child_env.ts";

export interface CommandResult {
  exitCode: number | undefined;
  timedOut: boolean;
  latencyMs: number;
  /** Standard error and output, the first bytes of them. */
  text: string;
}

const MAX_OUTPUT_BYTES = 16 * 1024;

/**
 * Runs a command with a hard time limit, in a session of its own so that the limit ends all that it
 * started. Never rejects: a command that cannot start is a result too.
 */
export function runCommand(argv: string[], timeoutMs: number): Promise<CommandResult> {
  const started = performance.now();
  return new Promise((resolve) => {
    let text = "";
    let timedOut = false;
    let done = false;
    const child = spawn(argv[0]!, argv.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: childEnv(),
    });
    const take = (chunk: Buffer) => {
      if (text.length < MAX_OUTPUT_BYTES) text += chunk.toString("utf8");
    };
    const finish = (exitCode: number | undefined) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      // A grandchild may keep the pipes open: the result does not wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ exitCode, timedOut, latencyMs: performance.now() - started, text: text.trim() });
    };
    const timer = setTimeout(() => {
      timedOut = true;
      text = `no end within ${timeoutMs} ms`;
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // It ended at this very moment.
      }
      child.unref();
      finish(undefined);
    }, timeoutMs);
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => {
      text = error.message;
      finish(undefined);
    });
    child.on("close", (code) => finish(code ?? undefined));
  });
}
