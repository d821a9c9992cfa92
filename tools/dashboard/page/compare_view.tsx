import type { TraceComparison } from "#tools/cli/trace/compare_traces.ts";
import { comparisonSentences } from "#tools/cli/trace/comparison_words.ts";
import { millisecondsText, plainName } from "./plain_text.ts";
import { useReply } from "./reply.ts";
import { routeTo } from "./route.ts";
import { ScrollBox } from "./scroll_box.tsx";

const MAX_STEPS = 40;

/** What one request spent its time on that the other did not. */
export function CompareView({ left, right }: { left: string; right: string }) {
  const query = `left=${encodeURIComponent(left)}&right=${encodeURIComponent(right)}`;
  const reply = useReply<TraceComparison>(`/api/compare?${query}`);
  return (
    <section aria-labelledby="compare-title">
      <h2 id="compare-title" tabIndex={-1}>
        Two requests compared
      </h2>
      <p>
        <a href={routeTo("trace", left)}>the first</a>,{" "}
        <a href={routeTo("trace", right)}>the second</a>
      </p>
      {reply === null && <p>One of them is not kept any more.</p>}
      {reply && (
        <>
          {comparisonSentences(reply).map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
          <ScrollBox label="Steps, table">
            <table class="compared">
              <thead>
                <tr>
                  <th scope="col">Link</th>
                  <th scope="col">Step</th>
                  <th scope="col">First</th>
                  <th scope="col">Second</th>
                  <th scope="col">Difference</th>
                </tr>
              </thead>
              <tbody>
                {reply.steps.slice(0, MAX_STEPS).map((step) => (
                  <tr key={`${step.link} ${step.step}`}>
                    <td>{step.link}</td>
                    <th scope="row">{plainName(step.step)}</th>
                    <td>{step.leftMs === undefined ? "–" : millisecondsText(step.leftMs)}</td>
                    <td>{step.rightMs === undefined ? "–" : millisecondsText(step.rightMs)}</td>
                    <td>
                      {step.differenceMs < 0 ? "−" : "+"}
                      {millisecondsText(Math.abs(step.differenceMs))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </ScrollBox>
        </>
      )}
    </section>
  );
}
