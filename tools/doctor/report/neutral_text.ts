/**
 * Makes text from a container or a daemon safe to print: names, arguments and messages may hold
 * escape codes that would command the reader's terminal. One line, control characters as \xNN.
 */
export function neutralText(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => {
      if (character === "\n") return "\\n";
      if (character === "\t") return " ";
      return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
    },
  );
}
