import { readTextIfAny } from "#lib/linux/file.ts";

/** The process above a container's first one: its shim, or the keeper that ours has. */
export interface ShimState {
  pid: number;
  name: string;
  /** As in /proc/PID/stat: T is stopped, D waits for a device. */
  state: string;
}

/** Looks at the parent of a container's first process. Undefined when there is none. */
export function shimState(containerPid: number): ShimState | undefined {
  const parent = statOf(containerPid)?.parent;
  const shim = parent !== undefined && parent > 1 ? statOf(parent) : undefined;
  return shim && parent !== undefined
    ? { pid: parent, name: shim.name, state: shim.state }
    : undefined;
}

function statOf(pid: number): { name: string; state: string; parent: number } | undefined {
  const text = readTextIfAny(`/proc/${pid}/stat`);
  // The name stands in brackets and may hold brackets and blanks itself.
  const match = /^\d+ \((.*)\) (\S) (\d+)/s.exec(text ?? "");
  return match ? { name: match[1]!, state: match[2]!, parent: Number(match[3]) } : undefined;
}
