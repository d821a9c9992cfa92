import { useState } from "preact/hooks";
import type { DiagnosisReply } from "../model.ts";
import { EvidenceList } from "./evidence_list.tsx";
import { plainName } from "./plain_text.ts";

const LONG = 2_000;

/** Asks the doctor about one container, when told to. */
export function DiagnosisView({ containerKey }: { containerKey: string }) {
  const [state, setState] = useState<DiagnosisReply | "asking" | "failed" | undefined>(undefined);
  const ask = async () => {
    setState("asking");
    try {
      const path = `/api/diagnose?key=${encodeURIComponent(containerKey)}`;
      const response = await fetch(path, { method: "POST" });
      setState(response.ok ? ((await response.json()) as DiagnosisReply) : "failed");
    } catch {
      setState("failed");
    }
  };
  return (
    <>
      <h3>Diagnosis</h3>
      <p>
        <button type="button" disabled={state === "asking"} onClick={() => void ask()}>
          {state === "asking" ? "The doctor looks…" : "Ask the doctor"}
        </button>{" "}
        It looks only: nothing is tried in the container.
      </p>
      <div role="status">
        {state === "failed" && <p>The doctor gave no answer.</p>}
        {typeof state === "object" && <Diagnosis reply={state} />}
      </div>
    </>
  );
}

function Diagnosis({ reply }: { reply: DiagnosisReply }) {
  if (reply.blind !== null) return <p>{plainName(reply.blind, LONG)}</p>;
  return (
    <>
      {reply.reports.map((report) => (
        <article key={report.sentence} class="diagnosis">
          <p>
            {report.cause !== null && (
              <strong>
                {report.cause} ({report.confidence}), at: {report.link}{" "}
              </strong>
            )}
            {plainName(report.sentence, LONG)}
          </p>
          <ol class="chain">
            {report.chain.map((link) => (
              <li key={link.link} data-mark={link.mark}>
                <strong>{link.link}</strong>
                <span>{link.mark.replace("-", " ")}</span>
                <small>{plainName(link.detail, 160)}</small>
              </li>
            ))}
          </ol>
          <EvidenceList evidence={report.evidence} />
          {report.fix.length > 0 && (
            <>
              <h4>Fix</h4>
              <pre>{report.fix.map((line) => plainName(line, LONG)).join("\n")}</pre>
            </>
          )}
          {report.warnings.map((warning) => (
            <p key={warning}>{plainName(warning, LONG)}</p>
          ))}
        </article>
      ))}
    </>
  );
}
