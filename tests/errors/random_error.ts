import { ChainError, type FrameInit } from "#lib/errors/chain_error.ts";
import { ERROR_CODES, type Evidence, type EvidenceKind, LAYERS } from "#lib/errors/frame.ts";
import type { Random } from "../lib/random.ts";

/** The phrases by which genuine parents classify a text, as they write them. */
export const PARENTS_PHRASES = [
  "no such file or directory",
  "executable file not found",
  "permission denied",
  "does not exist",
  "no such process",
  "not running",
] as const;

const WORDS = [
  ...PARENTS_PHRASES,
  ...["No Such File Or Directory", "container", "pids.max", "10000 of 10000", "\n", "\r\n", " \t"],
  ...[
    "exec failed",
    "“quotes”",
    '"',
    "\\",
    "{",
    "}",
    "<b>",
    "日本語",
    "🙂",
    ": unknown",
    "—",
    "%s",
  ],
  ...["(catena explain )", "fix:", "\u0000", "\u001b[31m", "", "a".repeat(300)],
];
const KINDS: EvidenceKind[] = [
  ...(["errno", "exit", "syscall", "cgroup", "rlimit", "path", "log", "trace"] as const),
];

/** Some words that texts from anywhere may hold, line ends and phrases of parents included. */
export function randomText(random: Random): string {
  const count = random.below(6);
  return Array.from({ length: count }, () => random.pick(WORDS)).join(" ");
}

/** Any error that a chain may produce: one to eight frames, perhaps with a failed clean-up. */
export function randomError(random: Random, depth = 0): ChainError {
  const frames = Array.from({ length: 1 + random.below(8) }, () => randomFrame(random));
  const error = new ChainError(frames);
  if (depth < 2 && random.chance(0.3)) error.cleanup = randomError(random, depth + 1);
  return error;
}

function randomFrame(random: Random): FrameInit {
  const frame: FrameInit = {
    layer: random.pick(LAYERS),
    op: random.pick(["create", "exec", "start", "kill"]),
    code: random.pick(ERROR_CODES),
    message: randomText(random),
    evidence: Array.from({ length: random.below(4) }, () => randomEvidence(random)),
  };
  if (random.chance(0.4)) frame.causeId = "pids-cgroup-full";
  if (random.chance(0.4)) frame.cause = randomText(random);
  if (random.chance(0.4)) frame.fix = randomText(random);
  return frame;
}

function randomEvidence(random: Random): Evidence {
  const evidence: Evidence = { kind: random.pick(KINDS), value: randomText(random) };
  if (random.chance(0.5)) evidence.ref = randomText(random);
  return evidence;
}
