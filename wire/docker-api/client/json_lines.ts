/** Longest message of a stream: an event, a sample, a line of progress. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Reads JSON values one a line, as events, stats and progress streams send them. */
export async function* readJsonLines<T>(body: AsyncIterable<Uint8Array>): AsyncIterable<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_MESSAGE_BYTES)
      throw new RangeError("a message of the stream is too long");
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as T;
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as T;
}

/** A reply's body as pieces; no piece for a reply without body. */
export async function* bodyOf(reply: Response): AsyncIterable<Uint8Array> {
  if (reply.body) yield* reply.body as unknown as AsyncIterable<Uint8Array>;
}
