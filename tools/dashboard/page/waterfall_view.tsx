import type { WaterfallReply, WaterfallSpan } from "../model.ts";
import { clockText, millisecondsText, plainName } from "./plain_text.ts";
import { useReply } from "./reply.ts";
import { ScrollBox } from "./scroll_box.tsx";

const EVERY_MS = 2_000;

/** One request, step by step, down to init's operations. */
export function WaterfallView({ traceId }: { traceId: string }) {
  const path = `/api/waterfall?id=${encodeURIComponent(traceId)}`;
  // Spans of other processes may still arrive.
  const reply = useReply<WaterfallReply>(path, EVERY_MS);
  return (
    <section aria-labelledby="waterfall-title">
      <h2 id="waterfall-title" tabIndex={-1}>
        Where the time of a request went
      </h2>
      {reply === undefined && <p>Reading…</p>}
      {reply === null && <p>This trace is not kept any more.</p>}
      {reply && <Waterfall trace={reply} />}
    </section>
  );
}

function Waterfall({ trace }: { trace: WaterfallReply }) {
  const { durationMs, spans, betweenMs } = trace;
  return (
    <>
      <p>
        {clockText(trace.timeMs)}, {millisecondsText(durationMs)}, {spans.length} steps. “Itself” is
        what passed while nothing below a step ran: it adds up to the whole
        {betweenMs > 0 && `, with ${millisecondsText(betweenMs)} between the steps`}.
      </p>
      <ScrollBox label="Steps, table">
        <table class="waterfall" data-total={durationMs} data-between={betweenMs}>
          <thead>
            <tr>
              <th scope="col">Link</th>
              <th scope="col">Step</th>
              <th scope="col">Begins</th>
              <th scope="col">Takes</th>
              <th scope="col">Itself</th>
              <th scope="col">
                <span class="unseen">To scale</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {spans.map((span, index) => (
              <Step key={index} span={span} totalMs={durationMs} />
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </>
  );
}

function Step({ span, totalMs }: { span: WaterfallSpan; totalMs: number }) {
  const share = (ms: number) => `${(ms / Math.max(totalMs, 1e-6)) * 100}%`;
  return (
    <tr data-error={span.error !== null} data-own={span.ownMs}>
      <td>{span.link}</td>
      <th scope="row" style={{ paddingInlineStart: `${span.depth}em` }}>
        {plainName(span.name, 72)}
        {span.error !== null && (
          <details>
            <summary class="bad">failed</summary>
            {plainName(span.error, 1_500)}
          </details>
        )}
      </th>
      <td>{millisecondsText(span.offsetMs)}</td>
      <td>{millisecondsText(span.durationMs)}</td>
      <td>{millisecondsText(span.ownMs)}</td>
      <td class="lane" aria-hidden="true">
        <span
          class="stretch"
          data-link={span.link}
          style={{ marginInlineStart: share(span.offsetMs), width: share(span.durationMs) }}
        />
      </td>
    </tr>
  );
}
