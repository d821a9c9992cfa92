/** One container in one block: the most that was seen in its quarter of a minute. */
export interface HistoryRow {
  threads: number;
  /** null for no limit. */
  threadsMax: number | null;
  processes: number;
  descriptors: number;
  memoryBytes: number;
  memoryMaxBytes: number | null;
  cpuSeconds: number;
  forksRefused: number;
  oomKills: number;
  byName: [process: string, threads: number][];
}

/** Who a container is: told in some blocks only, since ids do not compress. */
export type ContainerAbout = [key: string, id: string, name: string];

/** What is written of one container: the figures in the order of `FIGURES`, then the names. */
type PackedRow = [mark: string, figures: (number | null)[], byName: HistoryRow["byName"]];

/** A block as it lies on disk. */
export interface HistoryBlock {
  timeMs: number;
  rows: PackedRow[];
  about?: Record<string, ContainerAbout>;
}

const FIGURES = [
  "threads",
  "threadsMax",
  "processes",
  "descriptors",
  "memoryBytes",
  "memoryMaxBytes",
  "cpuSeconds",
  "forksRefused",
  "oomKills",
] as const;
/** Digits of a second that are kept of processor time. */
const CPU_DIGITS = 100;
/** Memory is written in steps of this size: what is finer does not compress. */
const MEMORY_STEP_BYTES = 64 * 1024;
const RADIX = 36;
/** 36 bits: on one of a hundred thousand hosts, two of a thousand containers share a mark. */
const MARK_DIGITS = 7;

/** A short mark for a cgroup's path, which is as long as two ids. */
export function containerMark(key: string): string {
  return Bun.hash(key).toString(RADIX).slice(-MARK_DIGITS);
}

/** A row as it is written. */
export function packRow(mark: string, row: HistoryRow): PackedRow {
  const cpuSeconds = Math.round(row.cpuSeconds * CPU_DIGITS) / CPU_DIGITS;
  const steps = Math.round(row.memoryBytes / MEMORY_STEP_BYTES);
  const rounded = { ...row, cpuSeconds, memoryBytes: steps };
  return [mark, FIGURES.map((name) => rounded[name]), row.byName];
}

/** The row of the container with this mark. Undefined when the block has none. */
export function findRow({ rows }: HistoryBlock, mark: string): HistoryRow | undefined {
  const packed = rows.find(([one]) => one === mark);
  if (!packed) return undefined;
  const [, figures, byName] = packed;
  const row = Object.fromEntries(
    FIGURES.map((name, index) => [name, figures[index] ?? null]),
  ) as unknown as HistoryRow;
  return { ...row, memoryBytes: row.memoryBytes * MEMORY_STEP_BYTES, byName };
}
