import type { FrameReply } from "../model.ts";
import { plainName } from "./plain_text.ts";

const LONG = 2_000;

/** What was seen, and where. */
export function EvidenceList({ evidence }: { evidence: FrameReply["evidence"] }) {
  if (evidence.length === 0) return null;
  return (
    <ul class="evidence">
      {evidence.map((item) => (
        <li key={`${item.kind} ${item.value} ${item.ref}`}>
          {item.kind}: {plainName(item.value, LONG)}
          {item.ref !== null && <small>{plainName(item.ref, 300)}</small>}
        </li>
      ))}
    </ul>
  );
}
