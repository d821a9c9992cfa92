/**
 * What commands a terminal, turns the text beside it round, breaks its line, or is there and not
 * seen: control characters, marks and isolates of direction, line separators, zero widths.
 */
const COMMANDING = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Makes text from a container or a daemon safe to print: names, arguments and messages may hold
 * escape codes that would command the reader's terminal. One line, control characters as \xNN.
 */
export function neutralText(text: string): string {
  return text.replace(COMMANDING, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return " ";
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** JSON of a value in which such characters are escaped as well: the same to whoever parses it. */
export function neutralJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(COMMANDING, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text that is longer than `most` characters, without its middle. */
export function clipMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = Math.floor((most - 1) / 2);
  return `${text.slice(0, kept)}…${text.slice(-kept)}`;
}
