import { constants } from "node:os";
import { invalid } from "./refusals.ts";

const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** Reads a signal as the API takes it: "TERM", "SIGTERM", "15", "RTMIN+3". */
export function parseSignal(text: string): number {
  const bad = () => invalid("read signal", `Invalid signal: ${text}`);
  if (/^[0-9]+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > SIGRTMAX) throw bad();
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const real = name.match(/^RTM(IN|AX)(?:([+-])([0-9]+))?$/);
  if (real) {
    const base = real[1] === "IN" ? SIGRTMIN : SIGRTMAX;
    const number = base + Number(real[3] ?? 0) * (real[2] === "-" ? -1 : 1);
    if (number < SIGRTMIN || number > SIGRTMAX) throw bad();
    return number;
  }
  const number = (constants.signals as Record<string, number>)[`SIG${name}`];
  if (number === undefined) throw bad();
  return number;
}

export const SIGKILL = 9;
export const SIGTERM = 15;
