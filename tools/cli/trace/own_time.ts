import type { AssembledTrace } from "./assemble_trace.ts";

/** What each span of a trace took itself, by its place in the trace's rows. */
export interface OwnTimes {
  own: number[];
  /** What passed while no span ran. */
  betweenNs: number;
}

/**
 * Gives each instant of a trace to the deepest span that covers it, the latest begun of equals. So
 * the times add up to the whole, and a caller does not answer for those it waited for.
 */
export function ownNanoseconds(trace: AssembledTrace): OwnTimes {
  const { rows } = trace;
  const own = rows.map(() => 0);
  const edges = rows.flatMap(({ span }, index) => [
    { at: span.startNs, index, starts: true },
    { at: span.endNs, index, starts: false },
  ]);
  edges.sort((left, right) => left.at - right.at);
  const open = new Set<number>();
  let betweenNs = 0;
  let before = trace.startNs;
  for (const { at, index, starts } of edges) {
    if (at > before) {
      const deepest = deepestOf(trace, open);
      if (deepest === undefined) betweenNs += at - before;
      else own[deepest]! += at - before;
      before = at;
    }
    if (starts) open.add(index);
    else open.delete(index);
  }
  return { own, betweenNs };
}

function deepestOf({ rows }: AssembledTrace, open: Set<number>): number | undefined {
  let best: number | undefined;
  for (const index of open) {
    const row = rows[index]!;
    const rival = best === undefined ? undefined : rows[best]!;
    const deeper =
      !rival ||
      row.depth > rival.depth ||
      (row.depth === rival.depth && row.span.startNs >= rival.span.startNs);
    if (deeper) best = index;
  }
  return best;
}
