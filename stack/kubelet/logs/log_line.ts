/** One entry of a container's log. */
export interface LogLine {
  /** RFC 3339, as the runtime wrote it. */
  time: string;
  stream: "stdout" | "stderr";
  /** Without its newline where the runtime split a longer line. */
  text: string;
}

/**
 * Reads one line of a container's log: CRI's own format (`TIME STREAM TAG TEXT`), or Docker's JSON
 * where a runtime links to that. Undefined when it is neither.
 */
export function parseLogLine(line: string): LogLine | undefined {
  return line.startsWith("{") ? parseJson(line) : parseCri(line);
}

function parseCri(line: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) (\S+) (.*)$/s.exec(line);
  if (!match) return undefined;
  const [, time, stream, tags, text] = match;
  const partial = tags!.split(":").includes("P");
  const whole = partial ? text! : `${text}\n`;
  return { time: time!, stream: stream as LogLine["stream"], text: whole };
}

function parseJson(line: string): LogLine | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as Record<string, unknown>;
    if (typeof log !== "string" || typeof time !== "string") return undefined;
    return { time, stream: stream === "stderr" ? "stderr" : "stdout", text: log };
  } catch {
    return undefined;
  }
}
