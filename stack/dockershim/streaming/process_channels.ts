import type { StreamEnding } from "./exit_status.ts";

/** A terminal's size in characters. */
export interface TerminalSize {
  width: number;
  height: number;
}

/** The client's side of a streamed process, whatever protocol carries it. */
export interface ProcessChannels {
  /** Absent when the client sends nothing. */
  stdin: AsyncIterable<Uint8Array> | undefined;
  resizes: AsyncIterable<TerminalSize> | undefined;
  write(stream: 1 | 2, data: Uint8Array): Promise<void>;
  /** Tells how it ended, and closes. */
  finish(ending: StreamEnding): Promise<void>;
  /** Aborted when the client is gone. */
  left: AbortSignal;
}

/** Which channels a client was promised. */
export interface WantedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** Reads sizes from a stream of JSON objects; what is none is passed over. */
export async function* readSizes(source: AsyncIterable<Uint8Array>): AsyncIterable<TerminalSize> {
  let pending = "";
  for await (const data of source) {
    pending += Buffer.from(data).toString("utf8");
    const objects = pending.match(/\{[^{}]*\}/g) ?? [];
    pending = pending.slice(pending.lastIndexOf("}") + 1).slice(0, 1024);
    for (const text of objects) {
      const size = parseSize(text);
      if (size) yield size;
    }
  }
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    if (typeof Width !== "number" || typeof Height !== "number") return undefined;
    return Width > 0 && Height > 0 ? { width: Width, height: Height } : undefined;
  } catch {
    return undefined;
  }
}
