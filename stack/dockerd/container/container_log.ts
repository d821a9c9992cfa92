import { JsonLogWriter, parseSize } from "../logs/json_log_writer.ts";
import type { Container } from "./container.ts";

/** Opens the container's log for writing, unless its driver keeps none. */
export function openLog(container: Container): void {
  const { Type, Config } = container.record.hostConfig.LogConfig ?? {};
  if (Type === "none" || (container.log && !container.log.closed)) return;
  container.log = new JsonLogWriter(container.logPath, {
    maxBytes: parseSize(Config?.["max-size"] ?? "0") ?? 0,
    maxFiles: Number(Config?.["max-file"] ?? 1),
  });
}
