import type { AttachedStreams, InputSink, OutputChunk } from "#wire/docker-api/engine.ts";
import { EscapeWatch, parseDetachKeys } from "./escape_keys.ts";
import type { Subscription } from "./output_hub.ts";
import type { ProcessIo } from "./process_io.ts";

export interface AttachedInit {
  tty: boolean;
  /** What is shown first, then the live output. */
  replay?: AsyncIterable<OutputChunk>;
  output: Subscription;
  input?: {
    io: ProcessIo | (() => Promise<ProcessIo | undefined>);
    /** The client half-closed. */
    ended: () => Promise<void>;
  };
  detachKeys: string;
  /** The client typed the keys that detach. */
  detached: () => void;
}

/** Puts a client's view of a process together: output, input, and the keys that detach. */
export function attachedStreams(init: AttachedInit): AttachedStreams {
  const { tty, output, replay } = init;
  const streams: AttachedStreams = {
    tty,
    output: replay ? concat(replay, output) : output,
  };
  if (init.input) streams.input = input(init, init.input);
  return streams;
}

async function* concat(
  first: AsyncIterable<OutputChunk>,
  second: Subscription,
): AsyncIterable<OutputChunk> {
  try {
    yield* first;
    yield* second;
  } finally {
    await second.return();
  }
}

function input(init: AttachedInit, source: NonNullable<AttachedInit["input"]>): InputSink {
  const watch = init.tty ? new EscapeWatch(parseDetachKeys(init.detachKeys)) : undefined;
  let done = false;
  return {
    write: async (data) => {
      if (done) return;
      const pass = watch ? watch.feed(data) : data;
      if (pass === undefined) {
        done = true;
        init.detached();
        await init.output.return();
        return;
      }
      const io = typeof source.io === "function" ? await source.io() : source.io;
      if (pass.length > 0) await io?.write(pass);
    },
    end: async () => {
      if (done) return;
      done = true;
      await source.ended();
    },
  };
}
