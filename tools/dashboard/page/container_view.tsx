import { useState } from "preact/hooks";
import type { ContainerRow, SeriesReply } from "../model.ts";
import { sentence } from "./attention_list.tsx";
import { DiagnosisView } from "./diagnosis_view.tsx";
import { bytesText, countText, plainName } from "./plain_text.ts";
import { useReply } from "./reply.ts";
import { UsageChart } from "./usage_chart.tsx";

const SPANS = [
  ["", "10 minutes"],
  ["1h", "1 hour"],
  ["6h", "6 hours"],
  ["24h", "24 hours"],
] as const;
const RECENT_MS = 2_000;
const HISTORY_MS = 15_000;

/** One container: its figures over time with limits and forecast, its processes, its diagnosis. */
export function ContainerView({ row }: { row: ContainerRow | undefined }) {
  if (!row) {
    return (
      <section>
        <h2 tabIndex={-1}>No such container</h2>
        <p>It does not run any more.</p>
      </section>
    );
  }
  return (
    <section aria-labelledby="container-title">
      <h2 id="container-title" tabIndex={-1}>
        {plainName(row.name, 120)}
      </h2>
      <p>
        <code>{plainName(row.id)}</code> {plainName(row.image)}
      </p>
      <p class="verdict" data-danger={row.danger >= 2 ? "full" : row.danger >= 0.9 ? "near" : ""}>
        {row.next ? `It ${sentence(row.next)}.` : "It has no limit that it could meet."}
      </p>
      <Past row={row} />
      <h3>Threads by process</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">Threads</th>
          </tr>
        </thead>
        <tbody>
          {row.byName.map(([process, threads]) => (
            <tr key={process}>
              <th scope="row">{plainName(process)}</th>
              <td>{countText(threads)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <DiagnosisView containerKey={row.key} />
    </section>
  );
}

function Past({ row }: { row: ContainerRow }) {
  const [span, setSpan] = useState<string>("");
  const path = `/api/series?key=${encodeURIComponent(row.key)}&span=${span}`;
  const series = useReply<SeriesReply>(path, span === "" ? RECENT_MS : HISTORY_MS);
  const { next } = row;
  return (
    <>
      <p>
        <label>
          The last{" "}
          <select value={span} onChange={(event) => setSpan(event.currentTarget.value)}>
            {SPANS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </p>
      {series && series.timesMs.length > 1 ? (
        <div class="charts">
          <UsageChart
            title="Threads and processes"
            timesMs={series.timesMs}
            values={series.threads}
            limit={row.threadsMax}
            forecastSeconds={next?.resource === "pids" ? next.seconds : null}
            text={countText}
          />
          <UsageChart
            title="Memory"
            timesMs={series.timesMs}
            values={series.memoryBytes}
            limit={row.memoryMaxBytes}
            forecastSeconds={next?.resource === "memory" ? next.seconds : null}
            text={bytesText}
          />
        </div>
      ) : (
        <p>Nothing recorded for so long yet.</p>
      )}
    </>
  );
}
