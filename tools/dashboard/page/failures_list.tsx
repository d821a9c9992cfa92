import type { FailureRow } from "../model.ts";
import { clockText, plainName } from "./plain_text.ts";
import { routeTo } from "./route.ts";

/** The failures that this host's daemons recorded or told of, the latest first. */
export function FailuresList({ failures }: { failures: FailureRow[] }) {
  return (
    <section aria-labelledby="failures-title">
      <h2 id="failures-title" tabIndex={-1}>
        Failures
      </h2>
      {failures.length === 0 && <p>None since this page is served, and none recorded before.</p>}
      <ul class="list">
        {failures.map((failure) => (
          <li key={failure.id}>
            <a href={routeTo("failure", failure.id)}>
              {clockText(failure.timeMs)} {failure.id}
            </a>{" "}
            {plainName(failure.message, 200)}
          </li>
        ))}
      </ul>
    </section>
  );
}
