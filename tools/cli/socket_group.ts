import { readFileSync } from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";

/** Members of this group may use the sockets, where the host has it. */
export const SOCKET_GROUP_NAME = "catena";

/**
 * The numeric id of the sockets' group: the one that was named, which then must exist, or `catena`
 * where the host has it. Undefined: the sockets stay root's.
 */
export function socketGroupId(name: string | undefined): number | undefined {
  const wanted = name ?? SOCKET_GROUP_NAME;
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${wanted}:`));
  if (line) return Number(line.split(":")[2]);
  if (name === undefined) return undefined;
  const message = `--group ${name}: there is no such group`;
  throw failure({ layer: "cli", op: "read flags", code: "invalid_argument", message });
}
