import { listFolder, readTextIfAny } from "#lib/linux/file.ts";
import type { Plan } from "#wire/init-pipe/operation.ts";
import { RLIMITS } from "../spec/linux_constants.ts";
import type { FoundCause } from "./failure_cause.ts";

const NPROC = RLIMITS.indexOf("RLIMIT_NPROC");

/**
 * execve answers EAGAIN for one reason only: since it became that user, the process was one more
 * than RLIMIT_NPROC allows. The limit counts all of the user's threads on the host.
 */
export function userLimitCause(plan: Plan): FoundCause {
  let uid: number | undefined;
  let limit: bigint | undefined;
  for (const operation of plan.operations) {
    if (operation.op === "user") uid = operation.uid;
    if (operation.op === "rlimit" && operation.resource === NPROC) limit = operation.soft;
  }
  const mapped = plan.operations.some(({ op }) => op === "become-root");
  // In a user namespace the host's user is another one, which the plan does not name.
  const held = uid === undefined || mapped ? undefined : threadsOf(uid);
  const allowed = limit === undefined ? "what its launcher had" : String(limit);
  const value = held === undefined ? `limit ${allowed}` : `${held} threads, limit ${allowed}`;
  const has = held === undefined ? "" : ` and has ${held} of them on this host`;
  return {
    evidence: [{ kind: "rlimit", value, ref: `RLIMIT_NPROC of uid ${uid}` }],
    words: {
      causeId: "rlimit-nproc",
      cause: `the user ${uid} may have ${allowed} processes (RLIMIT_NPROC)${has}`,
      fix: "raise the nproc limit (--ulimit nproc=…), or end other processes of that user",
    },
  };
}

/** All threads of a real user id, in whatever container. */
function threadsOf(uid: number): number {
  let threads = 0;
  for (const { name } of listFolder("/proc")) {
    if (!(name[0]! >= "0" && name[0]! <= "9")) continue;
    const status = readTextIfAny(`/proc/${name}/status`);
    if (status === undefined || Number(status.match(/^Uid:\s*(\d+)/m)?.[1]) !== uid) continue;
    threads += Number(status.match(/^Threads:\s*(\d+)/m)?.[1] ?? 0);
  }
  return threads;
}
