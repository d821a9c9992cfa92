import { showGenuine } from "../tour/genuine_step.ts";
import { TerminalScreen, TourLeft } from "../tour/tour_screen.ts";
import { TourStage } from "../tour/tour_stage.ts";
import { showChain, showContainer, showExec, showIncident, type Tour } from "../tour/tour_steps.ts";

export interface TourFlags {
  state: string;
  /** Ask nothing. */
  yes?: boolean;
  /** A daemon of its own even where one runs. */
  private?: boolean;
  /** The genuine stack too, asked or not; false: never. */
  genuine?: boolean;
}

/** As a shell says of a program that Ctrl-C ended. */
const EXIT_LEFT = 130;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `catena tour`: the chain shown on this host. Returns the exit code; nothing of it stays. */
export async function runTour(flags: TourFlags): Promise<number> {
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      "catena tour: it runs containers, so it needs root; try: sudo catena tour\n",
    );
    return 1;
  }
  const left = new AbortController();
  const leave = () => {
    if (left.signal.aborted) return;
    process.stderr.write("\ncatena tour: taking everything down, a moment\n");
    left.abort();
  };
  for (const signal of SIGNALS) process.on(signal, leave);
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const screen = new TerminalScreen({
    stepped: terminal && !flags.yes,
    colour: process.stdout.isTTY === true && !process.env["NO_COLOR"],
    left: left.signal,
  });
  let stage: TourStage | undefined;
  let code = 0;
  try {
    stage = await TourStage.open(flags.state, flags.private === true, left.signal);
    await walk({ stage, screen }, flags);
  } catch (error) {
    code = told(error, left.signal);
  }
  try {
    await stage?.close();
  } catch (error) {
    process.stderr.write(`catena tour: taking down: ${wordsOf(error)}\n`);
    code = 1;
  }
  for (const signal of SIGNALS) process.off(signal, leave);
  return code;
}

async function walk(tour: Tour, flags: TourFlags): Promise<void> {
  const { stage, screen } = tour;
  const where = stage.daemon
    ? `a daemon of its own in ${stage.daemon.folder}, process ${stage.daemon.pid}`
    : `the daemon that runs in ${stage.state}`;
  await screen.say(
    `A tour of the chain on this machine, with ${where}.\n` +
      "Everything shown is real; all that it makes is removed at the end, also after Ctrl-C.",
  );
  await showChain(tour);
  await showContainer(tour);
  await showExec(tour);
  await showIncident(tour);
  if (flags.genuine !== false) await showGenuine(tour, flags.genuine === true);
  await screen.say(`\n${AFTERWARDS}`);
}

const AFTERWARDS =
  "That was the tour. Next:\n" +
  "  catena daemon          a stack to use, with docker and ctr too\n" +
  "  catena doctor          who is ill on this host, on any stack\n" +
  "  catena dashboard       all of this in a browser, live";

function told(error: unknown, left: AbortSignal): number {
  if (error instanceof TourLeft || left.aborted) return EXIT_LEFT;
  process.stderr.write(`catena tour: ${wordsOf(error)}\n`);
  return 1;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
