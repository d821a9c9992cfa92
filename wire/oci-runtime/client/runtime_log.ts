import { closeSync, openSync, readSync } from "node:fs";
import type { ChainError } from "#lib/errors/chain_error.ts";
import { chainErrorFromJson } from "#lib/errors/error_json.ts";

/** More than any runtime logs in one command; a hostile one is cut here. */
const MAX_LOG_BYTES = 1024 * 1024;

/** What a runtime's `--log` file said. */
export interface RuntimeLog {
  /** The text of the last line of level "error". */
  message?: string;
  /** The same failure as frames, when the runtime is ours. */
  chain?: ChainError;
  /** Every line that is no JSON object, as it stands: a runtime's last words. */
  stray: string[];
  /** Why the file could not be read. */
  unreadable?: string;
}

/**
 * Reads a runtime's JSON log whole: one object a line, of which the last error wins. Unlike
 * containerd's shim it does not give up at a line that is not JSON, nor drop the frames.
 */
export function readRuntimeLog(path: string): RuntimeLog {
  let text: string;
  try {
    text = readBounded(path);
  } catch (thrown) {
    return { stray: [], unreadable: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  const log: RuntimeLog = { stray: [] };
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const entry = parseLine(line);
    if (!entry) {
      if (log.stray.length < 20) log.stray.push(line.slice(0, 1000));
    } else if (entry.level === "error" && typeof entry.msg === "string") {
      log.message = entry.msg.trim();
      delete log.chain;
      const chain = chainErrorFromJson(entry.chain);
      if (chain) log.chain = chain;
    }
  }
  return log;
}

function parseLine(line: string): { level?: unknown; msg?: unknown; chain?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function readBounded(path: string): string {
  const fd = openSync(path, "r");
  try {
    const parts: Buffer[] = [];
    let total = 0;
    while (total < MAX_LOG_BYTES) {
      const part = Buffer.alloc(64 * 1024);
      const got = readSync(fd, part, 0, part.length, null);
      if (got === 0) break;
      parts.push(part.subarray(0, got));
      total += got;
    }
    return Buffer.concat(parts).toString("utf8");
  } finally {
    closeSync(fd);
  }
}
