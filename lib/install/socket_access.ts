import { chownSync, readFileSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { failure } from "#lib/errors/chain_error.ts";

/** Whoever may connect to a daemon's socket is root on this host: owner and group only. */
export const SOCKET_MODE = 0o660;
/** Members of this group may use the sockets, when the host has it. */
const SOCKET_GROUP = "catena";
const PROBE_MS = 1000;

/**
 * Removes a socket file that a dead process left. Rejects with "already_exists" when a live process
 * serves it, which must not be robbed of its clients.
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const outcome = await new Promise<string>((resolve) => {
    const probe = connect(path);
    const timer = setTimeout(() => finish("ETIMEDOUT"), PROBE_MS);
    const finish = (result: string): void => {
      clearTimeout(timer);
      probe.destroy();
      resolve(result);
    };
    probe.on("connect", () => finish("served"));
    probe.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? "unknown"));
  });
  if (outcome === "ENOENT") return;
  if (outcome === "ECONNREFUSED") {
    unlinkSync(path);
    return;
  }
  throw failure({
    layer: "cli",
    op: "listen",
    code: "already_exists",
    message: `listen on ${path}: another process serves this socket`,
    evidence: [{ kind: "errno", value: outcome, ref: path }],
    fix: "stop the other daemon or choose another --state folder",
  });
}

/** Gives a socket to the group `catena`, when the host has such a group. */
export function grantToGroup(path: string): void {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${SOCKET_GROUP}:`));
  const gid = Number(line?.split(":")[2]);
  if (Number.isInteger(gid)) chownSync(path, -1, gid);
}
