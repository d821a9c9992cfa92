import { failure } from "#lib/errors/chain_error.ts";
import type { Ulimit } from "#wire/docker-api/types/container_config.ts";

const UNITS: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes as docker's flags take them: a number with an optional unit b, k, m, g or t. */
export function readBytes(flag: string, text: string): number {
  const match = text.toLowerCase().match(/^(\d+(?:\.\d+)?)([bkmgt]?)b?$/);
  if (!match) throw usage(`${flag} ${text}: give a size such as 64m or 2g`);
  return Math.floor(Number(match[1]) * UNITS[match[2] || "b"]!);
}

/** A limit as `name=soft[:hard]`. */
export function readUlimit(text: string): Ulimit {
  const match = text.match(/^([a-z]+)=(-?\d+)(?::(-?\d+))?$/);
  if (!match) throw usage(`--ulimit ${text}: give NAME=SOFT[:HARD]`);
  const soft = Number(match[2]);
  return { Name: match[1]!, Soft: soft, Hard: match[3] === undefined ? soft : Number(match[3]) };
}

function usage(message: string) {
  return failure({ layer: "cli", op: "read flags", code: "invalid_argument", message });
}
