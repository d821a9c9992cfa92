import { ChainError } from "#lib/errors/chain_error.ts";
import type { ByteStream } from "../engine.ts";
import { errorBody } from "../errors.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Answers with JSON messages separated by CR LF. A failure before the first message is a refusal
 * with its own status; a later one becomes the last message, as clients of progress streams expect
 * it.
 */
export async function sendMessages(
  exchange: Exchange,
  messages: AsyncIterable<object>,
): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  await exchange.stream("application/json", encodeMessages(first, iterator));
}

async function* encodeMessages(
  first: IteratorResult<object>,
  iterator: AsyncIterator<object>,
): ByteStream {
  const encoder = new TextEncoder();
  try {
    for (let item = first; !item.done; item = await iterator.next()) {
      yield encoder.encode(`${JSON.stringify(item.value)}\r\n`);
    }
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    const { message, chain } = errorBody(error);
    // A client that built an image ends with the code of the command that failed.
    const exit = error.evidence.find(({ kind, ref }) => kind === "exit" && ref === "command");
    const code = exit ? { code: Number(exit.value) } : {};
    const last = { errorDetail: { ...code, message, chain }, error: message };
    yield encoder.encode(`${JSON.stringify(last)}\r\n`);
  } finally {
    await iterator.return?.();
  }
}

/** JSON values one a line, as `events` and `stats` send them. */
export async function* encodeLines(values: AsyncIterable<object>): ByteStream {
  const encoder = new TextEncoder();
  for await (const value of values) yield encoder.encode(`${JSON.stringify(value)}\n`);
}
