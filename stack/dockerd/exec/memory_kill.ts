import { failure } from "#lib/errors/chain_error.ts";
import { recordError } from "#lib/errors/error_record.ts";
import { endsWithin } from "#lib/wait/work_within.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import type { ExecProcess } from "./exec_process.ts";

/** How a process that SIGKILL ended reads to docker. */
const KILLED = 137;
/** The kernel tells of the kill before the process is gone; the news may take another way. */
const NEWS_MS = 300;

/**
 * An exec that the kernel killed for memory ends with 137 and without a word. Where containerd told
 * of such a kill since it began, its client is told on standard error, and the failure is recorded.
 */
export async function tellMemoryKill(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
  exitCode: number,
): Promise<void> {
  const limit = container.record.hostConfig.Memory ?? 0;
  if (exitCode !== KILLED || limit === 0) return;
  if (!(await endsWithin(container.memoryKills.after(exec.memoryKillsBefore), NEWS_MS))) return;
  const program = exec.request.args[0] ?? "";
  const more = `--memory ${limit * 2} --memory-swap ${limit * 2}`;
  const error = failure({
    layer: "dockerd",
    op: "exec",
    code: "resource_exhausted",
    message: `exec of ${program} was killed by the kernel`,
    causeId: "memcg-oom-exec",
    cause: `the memory of the container, at most ${limit} bytes, was full`,
    fix: `raise it: docker update ${more} ${container.id.slice(0, 12)}`,
    evidence: [
      { kind: "exit", value: `exit code ${exitCode}` },
      { kind: "cgroup", value: "oom event of the container while the exec ran" },
    ],
  });
  recordError(daemon.options.state, error);
  daemon.log.error(error.message, { container: container.id, exec: exec.request.id });
  if (!exec.request.tty) {
    await exec.hub.push({ stream: 2, data: Buffer.from(`${error.message}\n`) });
  }
}
