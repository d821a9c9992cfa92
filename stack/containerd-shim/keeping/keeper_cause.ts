import { readFileSync } from "node:fs";
import { ChainError, type FrameInit } from "#lib/errors/chain_error.ts";
import { spawnCause } from "#lib/errors/spawn_cause.ts";

type Known = Pick<FrameInit, "causeId" | "cause" | "fix" | "evidence">;

/** What /proc shows of a keeper that does not do its work; nothing where that proves no cause. */
export function hungKeeper(pid: number): Known {
  const state = processState(pid);
  if (state !== "T" && state !== "t") return {};
  return {
    causeId: "keeper-hung",
    cause: `the container's keeper, process ${pid}, is stopped`,
    fix: `kill -CONT ${pid}`,
    evidence: [{ kind: "path", value: `State: ${state}`, ref: `/proc/${pid}/stat` }],
  };
}

/** A failure of the keeper `pid`, with the cause where /proc or a cgroup's counters prove one. */
export function keeperFailed(thrown: unknown, pid: number): unknown {
  if (!(thrown instanceof ChainError)) return thrown;
  const { op, code, evidence } = thrown.root;
  const refused = evidence.some(({ kind, value }) => kind === "errno" && value === "EAGAIN");
  const known =
    op === "spawn" && refused ? spawnCause(pid) : code === "unavailable" ? hungKeeper(pid) : {};
  if (known.causeId === undefined) return thrown;
  return thrown.wrap({ layer: "shim", op, code, message: "", ...known });
}

function processState(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0];
  } catch {
    return undefined;
  }
}
