import type { AttachedStreams, InputSink } from "#wire/docker-api/engine.ts";

/** Writes and waits until the bytes are taken: a slow reader of ours slows the container down. */
export function writeAll(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(bytes, (error) => {
      // Whoever read our output has gone: the command still runs to its end.
      void error;
      resolve();
    });
  });
}

/** Copies a process' output to ours until it ends. */
export async function relayOutput(output: AttachedStreams["output"]): Promise<void> {
  for await (const chunk of output) {
    await writeAll(chunk.stream === 2 ? process.stderr : process.stdout, chunk.data);
  }
}

/** Copies our input to a process until ours ends; then the process sees the end too. */
export function relayInput(input: InputSink): { stop(): void } {
  let chain = Promise.resolve();
  const onData = (chunk: Buffer) => {
    process.stdin.pause();
    chain = chain
      .then(() => input.write(chunk))
      .then(() => {
        process.stdin.resume();
      })
      // The process may end before it has read all: that is no failure of ours.
      .catch(() => undefined);
  };
  const onEnd = () => {
    chain = chain.then(() => input.end()).catch(() => undefined);
  };
  process.stdin.on("data", onData);
  process.stdin.once("end", onEnd);
  process.stdin.resume();
  return {
    stop() {
      process.stdin.off("data", onData);
      process.stdin.off("end", onEnd);
      process.stdin.pause();
      process.stdin.unref?.();
    },
  };
}
