import { refuse } from "./command_failure.ts";

const UNITS = "kmgtp";

/** Bytes from "64m", "1.5GiB", "1024"; -1 is unlimited. Units are binary, as Docker's are. */
export function parseBytes(text: string, flag: string): number {
  if (text === "-1") return -1;
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (!match) {
    throw refuse("flags", `invalid value for ${flag}: invalid size: '${text}'`, "invalid_argument");
  }
  const power = match[2] === "" ? 0 : UNITS.indexOf(match[2]!.toLowerCase()) + 1;
  return Math.trunc(Number(match[1]) * 1024 ** power);
}
