import type { StepPlan } from "#stack/runc/process/step_launch.ts";

/**
 * The index of the operation that a person means from `from` on: a number as `catena plan` shows
 * it, an operation's name ("pivot-root"), or a part of its text ("mount proc"). Undefined when none
 * is left.
 */
export function findOperation(
  operations: StepPlan["operations"],
  word: string,
  from = 0,
): number | undefined {
  if (/^[0-9]+$/.test(word)) {
    const index = Number(word) - 1;
    return index >= from && index < operations.length ? index : undefined;
  }
  const wanted = word.toLowerCase();
  const matches = [
    (one: { op: string; text: string }) => one.op === wanted.replaceAll(" ", "-"),
    (one: { op: string; text: string }) => one.text.toLowerCase().includes(wanted),
  ];
  for (const match of matches) {
    const index = operations.findIndex((one, at) => at >= from && match(one));
    if (index >= 0) return index;
  }
  return undefined;
}
