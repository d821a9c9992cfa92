import { useState } from "preact/hooks";
import type { TraceRow } from "../model.ts";
import { clockText, millisecondsText, plainName } from "./plain_text.ts";
import { routeTo } from "./route.ts";

/** The latest requests; two of them can be compared. */
export function TracesList({ traces }: { traces: TraceRow[] }) {
  const [everything, setEverything] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const shown = everything ? traces : traces.filter(({ reached, failed }) => reached || failed);
  const toggle = (id: string) =>
    setChosen((before) =>
      before.includes(id) ? before.filter((one) => one !== id) : [...before, id].slice(-2),
    );
  return (
    <section aria-labelledby="traces-title">
      <h2 id="traces-title" tabIndex={-1}>
        Requests
      </h2>
      <p class="choices">
        <label>
          <input
            type="checkbox"
            checked={everything}
            onChange={(event) => setEverything(event.currentTarget.checked)}
          />{" "}
          those that reached no runtime too
        </label>{" "}
        {chosen.length === 2 ? (
          <a href={routeTo("compare", chosen[0], chosen[1])}>Compare the two chosen</a>
        ) : (
          <span>choose two to compare</span>
        )}
      </p>
      {shown.length === 0 && <p>None yet: traces are made by catena's own daemons.</p>}
      <ul class="list">
        {shown.map((trace) => (
          <li key={trace.traceId}>
            <input
              type="checkbox"
              aria-label={`compare ${plainName(trace.name)} of ${clockText(trace.timeMs)}`}
              checked={chosen.includes(trace.traceId)}
              onChange={() => toggle(trace.traceId)}
            />{" "}
            <a href={routeTo("trace", trace.traceId)}>
              {clockText(trace.timeMs)} {trace.link} {plainName(trace.name, 40)}
            </a>{" "}
            {millisecondsText(trace.durationMs)}
            {trace.failed && <span class="bad"> failed</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
