/** What a known message can mean. Text alone proves nothing: each cause says what would. */
export interface KnownMessage {
  /** Matches the message of any version and era. */
  pattern: RegExp;
  /** What it says, in plain words. */
  meaning: string;
  /** The links that print or pass on this message. */
  links: readonly string[];
  /** Causes that show so, the commonest first, each with the evidence that tells. */
  causes: readonly { id: string; evidence: string }[];
  /** True for a line that follows from another failure and is never the cause itself. */
  echo?: boolean;
  /** Which versions printed it in this form, where that helps. */
  era?: string;
}
