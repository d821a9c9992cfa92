import type { Evidence } from "#lib/errors/frame.ts";

/** Why something could not be executed, in the words of an event. */
export interface Explanation {
  /** The link that failed, as far as it is known. */
  link: string;
  /** A row of the fault catalogue; "unknown" when nothing proves one. */
  causeId: string;
  cause: string;
  fix: string;
  /** What the links said, word for word. */
  words: string;
  /** For `catena explain`, where a link recorded it. */
  errorId: string;
  evidence: Evidence[];
}

/** What a known message can mean, where evidence proves nothing. */
export interface TextMeaning {
  meaning: string;
  link: string;
  /** The commonest cause that shows so, and which evidence would tell. */
  causeId: string;
  evidence: string;
}

/** Asks a table of known messages; undefined when it knows none of them. */
export type RecogniseText = (text: string) => TextMeaning | undefined;

/** One line: cause, link, fix, then what was said. */
export function explanationLine({ link, cause, fix, words, errorId }: Explanation): string {
  const parts = [`link: ${link}`, `cause: ${cause}`];
  if (fix !== "") parts.push(`fix: ${fix}`);
  parts.push(`said: ${words}`);
  return `${parts.join("; ")} (catena explain ${errorId})`;
}
