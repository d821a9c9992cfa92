import { readFileSync } from "node:fs";
import { UMOUNT, unmount } from "#lib/linux/mount.ts";

export interface MountEntry {
  id: number;
  target: string;
  type: string;
  source: string;
}

/** The mounts of this mount namespace, in the order in which they were made. */
export function mountTable(): MountEntry[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before, after] = line.split(" - ");
      const fields = before!.split(" ");
      const [type, source] = after!.split(" ");
      return {
        id: Number(fields[0]),
        target: unescapeOctal(fields[4]!),
        type: type!,
        source: source!,
      };
    });
}

/** The mounts below a folder, the folder itself included. */
export function mountsBelow(folder: string): MountEntry[] {
  return mountTable().filter(({ target }) => target === folder || target.startsWith(`${folder}/`));
}

/** Detaches every mount below a folder, the latest first. */
export function unmountBelow(folder: string): void {
  for (const { target } of mountsBelow(folder).reverse()) unmount(target, UMOUNT.DETACH);
}

/** mountinfo writes space, tab, newline and backslash as octal escapes. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
