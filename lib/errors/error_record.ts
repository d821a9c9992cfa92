import {
  listFolder,
  makeFolders,
  readText,
  removeFile,
  statFile,
  writeTextAtomically,
} from "../linux/file.ts";
import type { ChainError } from "./chain_error.ts";
import { type ChainErrorJson, chainErrorFromJson, chainErrorToJson } from "./error_json.ts";

/** How many failures `catena explain` can look back on. */
const MAX_RECORDS = 512;

/** Where failures are recorded so that an id in a text can be resolved. */
export function recordsFolder(stateDir: string): string {
  return `${stateDir}/errors`;
}

/**
 * Writes a failure where `catena explain ID` finds it. Never throws: a full disk must not hide the
 * failure that is being recorded.
 */
export function recordError(stateDir: string, error: ChainError): void {
  const folder = recordsFolder(stateDir);
  try {
    makeFolders(folder, 0o700);
    const record = {
      time: new Date().toISOString(),
      message: error.message,
      chain: chainErrorToJson(error),
    };
    writeTextAtomically(`${folder}/${error.id}.json`, JSON.stringify(record));
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
    const text = readText(`${recordsFolder(stateDir)}/${id}.json`);
    const record = JSON.parse(text) as { time: string; chain: ChainErrorJson };
    const error = chainErrorFromJson(record.chain);
    return error ? { time: record.time, error } : undefined;
  } catch {
    return undefined;
  }
}

function dropOldest(folder: string): void {
  const names = listFolder(folder);
  if (names.length <= MAX_RECORDS) return;
  const aged = names.map(({ name }) => {
    const path = `${folder}/${name}`;
    return { path, time: statFile(path)?.modifiedMs ?? 0 };
  });
  aged.sort((a, b) => a.time - b.time);
  // A quarter at a time, so that the listing is not repeated for every failure at the limit.
  for (const { path } of aged.slice(0, names.length - (MAX_RECORDS * 3) / 4)) {
    removeFile(path);
  }
}
