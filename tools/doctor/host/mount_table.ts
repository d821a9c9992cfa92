import type { HostFiles } from "./host_files.ts";

export interface MountEntry {
  root: string;
  point: string;
  options: string[];
  type: string;
  source: string;
  superOptions: string[];
}

/** The mounts that process `pid` sees ("self" for our own), in mount order. */
export function readMounts(files: HostFiles, pid: number | "self"): MountEntry[] {
  const text = files.read(`/proc/${pid}/mountinfo`, 8 * 1024 * 1024) ?? "";
  const out: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const [left, right] = line.split(" - ");
    const before = left?.split(" ");
    const after = right?.split(" ");
    if (!before || before.length < 6 || !after || after.length < 3) continue;
    out.push({
      root: octalText(before[3]!),
      point: octalText(before[4]!),
      options: before[5]!.split(","),
      type: after[0]!,
      source: octalText(after[1]!),
      superOptions: after[2]!.split(","),
    });
  }
  return out;
}

/** The mount that `path` lies on: the last mounted of the longest matching points. */
export function mountOf(mounts: MountEntry[], path: string): MountEntry | undefined {
  let best: MountEntry | undefined;
  for (const mount of mounts) {
    const inside =
      mount.point === "/" || path === mount.point || path.startsWith(`${mount.point}/`);
    if (inside && (!best || mount.point.length >= best.point.length)) best = mount;
  }
  return best;
}

/** The kernel writes space, tab, newline and backslash as octal. */
function octalText(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
