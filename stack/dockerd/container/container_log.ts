import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { JsonLogWriter, type LogLimits, parseSize } from "../logs/json_log_writer.ts";
import type { Container } from "./container.ts";

/** What the driver `local` keeps when nobody says: docker's own limits. */
const LOCAL_LIMITS: LogLimits = { maxBytes: 20 * 1024 * 1024, maxFiles: 5 };

/**
 * Opens the container's log for writing, unless its driver keeps none. The driver `local` promises
 * no format, only limits: its files have the one of json-file.
 */
export function openLog(container: Container): void {
  const { Type, Config } = container.record.hostConfig.LogConfig ?? {};
  if (Type === "none" || (container.log && !container.log.closed)) return;
  const usual = Type === "local" ? LOCAL_LIMITS : { maxBytes: 0, maxFiles: 1 };
  mkdirSync(dirname(container.logPath), { recursive: true, mode: 0o710 });
  container.log = new JsonLogWriter(container.logPath, {
    maxBytes: parseSize(Config?.["max-size"] ?? "") ?? usual.maxBytes,
    maxFiles: Number(Config?.["max-file"] ?? usual.maxFiles),
  });
}
