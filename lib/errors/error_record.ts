import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ChainError } from "./chain_error.ts";
import { type ChainErrorJson, chainErrorFromJson, chainErrorToJson } from "./error_json.ts";

/** How many failures `catena explain` can look back on. */
const MAX_RECORDS = 512;

/** Where failures are recorded so that an id in a text can be resolved. */
export function recordsFolder(stateDir: string): string {
  return join(stateDir, "errors");
}

/**
 * Writes a failure where `catena explain ID` finds it. Never throws: a full disk must not hide the
 * failure that is being recorded.
 */
export function recordError(stateDir: string, error: ChainError): void {
  const folder = recordsFolder(stateDir);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${error.id}.json`);
    const record = {
      time: new Date().toISOString(),
      message: error.message,
      chain: chainErrorToJson(error),
    };
    writeFileSync(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
    dropOldest(folder);
  } catch {
    // Recording is a service to the reader of the error, who still has the error itself.
  }
}

/** Looks an id up. Returns undefined when there is no such record. */
export function findErrorRecord(
  stateDir: string,
  id: string,
): { time: string; error: ChainError } | undefined {
  if (!/^[a-z0-9]{1,32}$/.test(id)) return undefined;
  try {
    const text = readFileSync(join(recordsFolder(stateDir), `${id}.json`), "utf8");
    const record = JSON.parse(text) as { time: string; chain: ChainErrorJson };
    const error = chainErrorFromJson(record.chain);
    return error ? { time: record.time, error } : undefined;
  } catch {
    return undefined;
  }
}

function dropOldest(folder: string): void {
  const names = readdirSync(folder);
  if (names.length <= MAX_RECORDS) return;
  const aged = names.map((name) => ({ name, time: modified(join(folder, name)) }));
  aged.sort((a, b) => a.time - b.time);
  // A quarter at a time, so that the listing is not repeated for every failure at the limit.
  for (const { name } of aged.slice(0, names.length - (MAX_RECORDS * 3) / 4)) {
    unlinkSync(join(folder, name));
  }
}

function modified(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
