import { binPath } from "#lib/install/install_paths.ts";
import { runCommand } from "../lib/command.ts";
import { Random } from "../lib/random.ts";
import { sweepSandboxes } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { BREAKAGES, type Breakage } from "./breakages.ts";
import { FaultStack, type StackKind } from "./fault_stack.ts";

const DOCTOR_MS = 60_000;
const MAX_DRAWS = 1000;

/** The parts of a report that a pair of faults is judged by. */
export interface PairReport {
  cause: { id: string } | null;
  also: { id: string }[];
  ruledOut: { id: string; because: string }[];
  chain: { link: string; mark: string }[];
  sentence: string;
}

type Pair = readonly [Breakage, Breakage];

/** Two faults that can be inflicted together, in the order in which they can be. */
export function drawPair(random: Random, kind: StackKind): Pair {
  const possible = BREAKAGES.filter(({ stacks }) => stacks.includes(kind));
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const [first, second] = [random.pick(possible), random.pick(possible)];
    if (first.changes === second.changes) continue;
    const inOrder = possible.indexOf(first) < possible.indexOf(second);
    return inOrder ? [first, second] : [second, first];
  }
  throw new RangeError("no two faults that go together were drawn");
}

/**
 * What is not true in a report on two faults; empty when all is. Said must be only what was
 * inflicted or follows from it, nothing of it may be ruled out, and no broken link may be said to
 * work. Less than everything may be found; where nothing is, the report must say that it knows not.
 */
export function untrue(pair: Pair, report: PairReport, code: number): string[] {
  const out: string[] = [];
  const inflicted = pair.map(({ cause }) => cause);
  const allowed = new Set([...inflicted, ...pair.flatMap(({ brings = [] }) => brings)]);
  const told = [report.cause, ...report.also].filter((one) => one !== null).map(({ id }) => id);
  for (const id of told) if (!allowed.has(id)) out.push(`named ${id}: ${report.sentence}`);
  for (const { id, because } of report.ruledOut) {
    if (inflicted.includes(id)) out.push(`ruled out ${id}: ${because}`);
  }
  const broken = pair.flatMap(({ links }) => links);
  for (const { link, mark } of report.chain) {
    if (mark === "works" && broken.includes(link)) out.push(`${link} is said to work`);
  }
  if (code !== (told.length > 0 ? 1 : 2)) out.push(`exit code ${code}: ${report.sentence}`);
  return out;
}

/** Inflicts two faults on a new container, asks the doctor, and judges what it says. */
export async function examinePair(
  stack: FaultStack,
  pair: Pair,
): Promise<{ told: string; bad: string[] }> {
  const name = await stack.run([]);
  const undo: (() => void | Promise<void>)[] = [];
  try {
    for (const one of pair) undo.push(await one.inflict(stack, name));
    const argv = [binPath("catena"), "doctor", "--json", "--docker", stack.dockerSocket];
    const flags = ["--containerd", stack.containerdSocket, name];
    const result = await runCommand([...argv, ...flags], { timeoutMs: DOCTOR_MS });
    if (result.timedOut) return { told: "", bad: ["the doctor did not end"] };
    const whole = JSON.parse(result.stdout) as PairReport & { containers?: PairReport[] };
    const report = whole.containers?.[0] ?? whole;
    if (report.chain === undefined) return { told: "", bad: [`no report: ${result.stdout}`] };
    const told = [report.cause?.id ?? "unexplained", ...report.also.map(({ id }) => id)].join(", ");
    return { told, bad: untrue(pair, report, result.code) };
  } finally {
    for (const mend of undo.reverse()) await mend();
    await waitUntil("docker answers", async () => (await stack.docker("ps")).code === 0);
    await stack.remove(name);
  }
}

/** Inflicts `count` random pairs of faults and prints what is not true. Returns how many are. */
export async function runPairs(
  kinds: readonly StackKind[],
  count: number,
  seed: number,
): Promise<number> {
  await sweepSandboxes();
  const random = new Random(seed);
  let bad = 0;
  let both = 0;
  for (const [index, kind] of kinds.entries()) {
    const share = Math.floor(count / kinds.length) + (index < count % kinds.length ? 1 : 0);
    const stack = await FaultStack.start(kind);
    try {
      for (let at = 0; at < share; at++) {
        const pair = drawPair(random, kind);
        const what = pair.map(({ cause }) => cause).join(" + ");
        const result = await examinePair(stack, pair);
        if (pair.every(({ cause }) => result.told.includes(cause))) both++;
        if (result.bad.length > 0) bad++;
        const judged = result.bad.length === 0 ? "true" : `NOT TRUE: ${result.bad.join("; ")}`;
        console.log(`${kind.padEnd(8)} ${what}: named ${result.told}: ${judged}`);
      }
    } finally {
      await stack.sandbox.close();
    }
  }
  console.log(`seed ${seed}: ${count} pairs, both found in ${both}, untrue in ${bad}`);
  return bad;
}
