/**
 * A path as the kernel writes it in mountinfo, where blanks and backslashes are three octal digits.
 * Few have any, and an expression that never runs is never compiled.
 */
export function unescapeMount(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
