import type { FailureReply } from "../model.ts";
import { EvidenceList } from "./evidence_list.tsx";
import { clockText, plainName } from "./plain_text.ts";
import { useReply } from "./reply.ts";

const LONG = 2_000;

/** One failure: cause, fix, and the frame that each link added. */
export function FailureView({ id }: { id: string }) {
  const reply = useReply<FailureReply>(`/api/failure?id=${encodeURIComponent(id)}`);
  return (
    <section aria-labelledby="failure-title">
      <h2 id="failure-title" tabIndex={-1}>
        Failure {plainName(id)}
      </h2>
      {reply === null && <p>It is not recorded any more.</p>}
      {reply && <Failure failure={reply} />}
    </section>
  );
}

function Failure({ failure }: { failure: FailureReply }) {
  const known = failure.frames.findLast((frame) => frame.cause !== null);
  const failed = failure.frames.at(-1)?.layer;
  return (
    <>
      <p>
        {clockText(failure.timeMs)}: {plainName(failure.message, LONG)}
      </p>
      <ol class="chain">
        {[...new Set(failure.frames.map((frame) => frame.layer))].map((layer) => (
          <li key={layer} data-mark={layer === failed ? "fails" : "works"}>
            <strong>{layer}</strong>
            <span>{layer === failed ? "✗ failed here" : "✓ passed it on"}</span>
          </li>
        ))}
      </ol>
      {known && (
        <dl class="diagnosis">
          <dt>Cause</dt>
          <dd>
            {known.causeId !== null && <code>{known.causeId}</code>}{" "}
            {plainName(known.cause ?? "", LONG)}
          </dd>
          {known.fix !== null && (
            <>
              <dt>Fix</dt>
              {known.fix.split("\n").map((line) => (
                <dd key={line}>{plainName(line, LONG)}</dd>
              ))}
            </>
          )}
        </dl>
      )}
      <h3>Frames, outermost first</h3>
      <ol>
        {failure.frames.map((frame) => (
          <li key={`${frame.layer} ${frame.op}`}>
            <strong>{frame.layer}</strong> {plainName(frame.op)}
            {frame.code !== "" && ` (${frame.code})`}: {plainName(frame.message, LONG)}
            <EvidenceList evidence={frame.evidence} />
          </li>
        ))}
      </ol>
    </>
  );
}
