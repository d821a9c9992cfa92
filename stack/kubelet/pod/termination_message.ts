import { readSync } from "node:fs";
import { join } from "node:path";
import { closeFile, O, openFile, statFile } from "#lib/linux/file.ts";
import { NOTE } from "../container/labels.ts";
import { parseLogLine } from "../logs/log_line.ts";
import type { ContainerView } from "../runtime/pod_runtime.ts";
import type { PodFolders } from "../volume/pod_folders.ts";

/** As the kubelet: so much of the file, and so much of a log's end. */
const MAX_FILE_BYTES = 4_096;
const MAX_LOG_BYTES = 2_048;
const MAX_LOG_LINES = 80;

/**
 * A container's last words: what it wrote to its termination message, or the end of its log where
 * its policy says so and it failed without any.
 */
export function terminationMessage(
  folders: PodFolders,
  pod: { uid: string; namespace: string; name: string },
  container: ContainerView,
  exitCode: number,
): string {
  const { name, attempt, annotations } = container;
  const file = join(folders.container(pod.uid, name), `message-${attempt}`);
  const words = readEnd(file, MAX_FILE_BYTES, "start");
  const fromLogs = annotations[NOTE.messagePolicy] === "FallbackToLogsOnError";
  if (words !== "" || !fromLogs || exitCode === 0) return words;
  const log = readEnd(join(folders.podLogs(pod), name, `${attempt}.log`), 4 * MAX_LOG_BYTES, "end");
  const texts = log.split("\n").flatMap((line) => parseLogLine(line)?.text ?? []);
  return texts.slice(-MAX_LOG_LINES).join("").slice(-MAX_LOG_BYTES);
}

/** The container writes the file and may have put anything in its place: links are not followed. */
function readEnd(path: string, limit: number, which: "start" | "end"): string {
  const size = statFile(path)?.size ?? 0;
  if (size === 0) return "";
  const fd = openFile(path, O.RDONLY | O.NOFOLLOW | O.NONBLOCK);
  try {
    const buffer = Buffer.alloc(limit);
    const from = which === "start" ? 0 : Math.max(0, size - limit);
    return buffer.subarray(0, readSync(fd, buffer, 0, limit, from)).toString("utf8");
  } finally {
    closeFile(fd);
  }
}
