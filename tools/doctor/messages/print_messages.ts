import { neutralText } from "#lib/errors/neutral_text.ts";
import type { Recognised } from "./recognise_message.ts";

const MAX_LINE = 400;

/** Says of each recognised line what it means, where it can come from and which evidence tells. */
export function printMessages(found: Recognised[], colour: boolean): string {
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
  const lines: string[] = [];
  for (const { line, count, known, passed, era } of found) {
    lines.push(`${bold("message")}   ${neutralText(line).slice(0, MAX_LINE)}`);
    if (count > 1) lines.push(`count     ${count} lines say so`);
    if (passed.length > 0) lines.push(`passed    ${passed.join(" → ")}`);
    if (era !== undefined) lines.push(`printed   by ${era}`);
    for (const message of known) {
      lines.push(`means     ${message.meaning}`);
      if (message.echo) {
        lines.push(
          "          an echo of another failure, never the cause: look at the lines around it",
        );
      }
      lines.push(`links     it can come from: ${message.links.join(", ")}`);
      message.causes.forEach((cause, index) => {
        lines.push(`${index === 0 ? "causes    " : "          "}${cause.id}: ${cause.evidence}`);
      });
    }
    lines.push("");
  }
  return lines.join("\n");
}
