import { refuse } from "./command_failure.ts";

/** Linux's numbers on x86-64 and arm64, by name without SIG. */
const SIGNALS =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP " +
  "TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";
const ALIASES: Record<string, string> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO", UNUSED: "SYS" };

/** A signal by number or by name, with or without SIG, in any case. */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  const name = text.toUpperCase().replace(/^SIG/, "");
  const number = SIGNALS.split(" ").indexOf(ALIASES[name] ?? name) + 1;
  if (number > 0) return number;
  throw refuse("signal", `unknown signal ${JSON.stringify(text)}`, "invalid_argument");
}
