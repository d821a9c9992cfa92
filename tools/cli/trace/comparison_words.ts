import { neutralText } from "#lib/errors/neutral_text.ts";
import type { TraceComparison } from "./compare_traces.ts";
import { stepWords } from "./step_words.ts";

/** Below this a difference is noise and not told. */
export const NOTABLE_MS = 0.05;
const SHARE_WORTH_A_SENTENCE = 0.1;
const MAX_SENTENCES = 3;

/** A comparison in a few sentences: how long each took, and what made the slower one slow. */
export function comparisonSentences(comparison: TraceComparison): string[] {
  const { leftMs, rightMs } = comparison;
  const times = `first ${milliseconds(leftMs)}, second ${milliseconds(rightMs)}`;
  return [`${times}: ${relation(comparison)}`, ...reasons(comparison)];
}

function relation({ leftMs, rightMs }: TraceComparison): string {
  const difference = Math.abs(rightMs - leftMs);
  if (difference < NOTABLE_MS) return "they took the same";
  return `the ${rightMs > leftMs ? "second" : "first"} took ${milliseconds(difference)} longer`;
}

/** What made the slower one slow, the largest first: at most three sentences. */
function reasons({ leftMs, rightMs, steps }: TraceComparison): string[] {
  const total = rightMs - leftMs;
  const slower = total > 0 ? "second" : "first";
  return steps
    .filter(({ differenceMs }) => differenceMs * total > 0)
    .filter(({ differenceMs }) => differenceMs / total >= SHARE_WORTH_A_SENTENCE)
    .slice(0, MAX_SENTENCES)
    .map((step) => {
      const more = milliseconds(Math.abs(step.differenceMs));
      return `the ${slower} one spent ${more} more ${stepWords(step.link, neutralText(step.step))}`;
    });
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}
