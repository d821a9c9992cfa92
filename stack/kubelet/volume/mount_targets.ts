import { readText } from "#lib/linux/file.ts";

/** Where something is mounted at or below a folder, in the order in which it was mounted. */
export function mountTargetsBelow(folder: string): string[] {
  return readText("/proc/self/mountinfo")
    .split("\n")
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""))
    .filter((target) => target === folder || target.startsWith(`${folder}/`));
}

/** The kernel writes blanks and backslashes of a path as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
