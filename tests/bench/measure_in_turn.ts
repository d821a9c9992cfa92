/** One side of a comparison. `work` is timed whole; it rejects when it did not do its job. */
export interface Contender {
  name: string;
  work: () => Promise<void>;
}

export interface Timing {
  name: string;
  /** Milliseconds, in the order in which they were taken. */
  samplesMs: number[];
}

export interface TurnOptions {
  samples: number;
  /** Idle time before every turn: back to back they hide what the first after a pause costs. */
  gapMs: number;
  /**
   * Samples that one contender takes back to back when it has its turn; 1 unless told. In turns of
   * one, what a contender still does after its answer is timed with the other's next sample.
   */
  burst?: number;
}

/**
 * Times all contenders in turn within one run, so that whatever else the machine does hits all of
 * them alike. Who comes first changes from round to round. One untimed round goes before.
 */
export async function measureInTurn(
  contenders: Contender[],
  { samples, gapMs, burst = 1 }: TurnOptions,
): Promise<Timing[]> {
  const timings = contenders.map(({ name }): Timing => ({ name, samplesMs: [] }));
  for (const { work } of contenders) await work();
  for (let round = 0; round * burst < samples; round++) {
    for (let place = 0; place < contenders.length; place++) {
      const index = (round + place) % contenders.length;
      await Bun.sleep(gapMs);
      for (let count = 0; count < burst; count++) {
        const started = performance.now();
        await contenders[index]!.work();
        timings[index]!.samplesMs.push(performance.now() - started);
      }
    }
  }
  return timings;
}

/** The quantile of some numbers, between neighbours when it falls between them. */
export function quantile(numbers: number[], q: number): number {
  if (numbers.length === 0) throw new RangeError("no numbers");
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (numbers: number[]) => quantile(numbers, 0.5);
