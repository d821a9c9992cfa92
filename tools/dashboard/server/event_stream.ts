import type { LiveFeed } from "./live_feed.ts";

/** A page that does not read is left behind rather than queued for without end. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/** Server-sent events of a feed, one message each. */
export function eventStream(feed: LiveFeed, signal: AbortSignal): Response {
  let end = () => {};
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const unsubscribe = feed.subscribe((event) => {
          if ((controller.desiredSize ?? 0) < 0) {
            end();
            controller.close();
            return;
          }
          controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
        });
        end = unsubscribe;
        signal.addEventListener("abort", () => end(), { once: true });
      },
      cancel: () => end(),
    },
    { highWaterMark: MAX_QUEUED_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
  );
  const headers = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };
  return new Response(body, { headers });
}
