import type { KubeletOptions } from "#stack/kubelet/main.ts";
import { recogniseMessages } from "#tools/doctor/messages/recognise_message.ts";

/** The doctor's table of messages, as a kubelet asks it. */
export function recogniseText(text: string): ReturnType<NonNullable<KubeletOptions["recognise"]>> {
  const found = recogniseMessages(text).find(({ known }) => known.some(({ causes }) => causes[0]));
  const message = found?.known.find(({ causes }) => causes[0]);
  const cause = message?.causes[0];
  if (!found || !message || !cause) return undefined;
  const link = found.passed.at(-1) ?? message.links[0] ?? "unknown";
  return { meaning: message.meaning, link, causeId: cause.id, evidence: cause.evidence };
}
