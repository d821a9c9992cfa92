import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { refusedByRegistry } from "#lib/registry/registry_failure.ts";
import { type HttpReply, sendRequest } from "#lib/registry/registry_http.ts";
import { type ProgressFeed, progressBar } from "../images/progress_feed.ts";
import { invalid } from "../refusals.ts";

/** Largest file that a build fetches by URL. */
const MAX_BYTES = 16 * 1024 ** 3;
const STALL_MS = 60_000;
const STEP_BYTES = 512 * 1024;

/** Asks for a URL. Rejects unless it answers with 200. */
export async function openUrl(url: string, signal: AbortSignal): Promise<HttpReply> {
  const reply = await sendRequest({ method: "GET", url, tls: {}, signal, stallMs: STALL_MS });
  if (reply.status === 200) return reply;
  const body = await reply.text().catch(() => "");
  throw refusedByRegistry({ op: "fetch URL", url, status: reply.status, body, retryAfter: null });
}

/** The name of the file that a URL is for; "" when it has none. */
export function urlFileName(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.split("/").pop() ?? "").replaceAll("/", "");
  } catch {
    throw invalid("build", `invalid URL ${JSON.stringify(url)}`);
  }
}

/**
 * Fetches a URL into a new file, which only root may read and whose time is the server's. Returns
 * the file's folder.
 */
export async function downloadUrl(
  url: string,
  name: string,
  folder: string,
  feed: ProgressFeed,
  signal: AbortSignal,
): Promise<string> {
  const reply = await openUrl(url, signal);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const total = Number(reply.headers.get("content-length") ?? 0);
  const fd = openSync(path, "wx", 0o600);
  let bytes = 0;
  let told = 0;
  try {
    for await (const part of reply.bytes()) {
      for (let done = 0; done < part.length; ) done += writeSync(fd, part, done);
      bytes += part.length;
      if (bytes > MAX_BYTES) throw invalid("build", `${url} is larger than ${MAX_BYTES} bytes`);
      if (bytes - told < STEP_BYTES && bytes !== total) continue;
      told = bytes;
      feed.tell({
        status: "Downloading",
        progressDetail: { current: bytes, ...(total > 0 ? { total } : {}) },
        progress: progressBar(bytes, total),
      });
    }
  } finally {
    closeSync(fd);
  }
  const modified = Date.parse(reply.headers.get("last-modified") ?? "");
  const seconds = Number.isNaN(modified) ? 0 : modified / 1000;
  utimesSync(path, seconds, seconds);
  return folder;
}
