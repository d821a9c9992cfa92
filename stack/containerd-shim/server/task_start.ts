import type { StartRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { Span } from "#lib/trace/tracer.ts";
import type { Container, ExecProcess } from "../process/container.ts";
import { execRefusal } from "../process/exec_state.ts";
import { initRefusal } from "../process/init_state.ts";
import { launchProcess } from "../process/process_launch.ts";
import { runtimeFailed } from "../process/runtime_failure.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Starts a container's init, or a process that `exec` added. */
export async function startTask(shim: ShimContext, request: StartRequest, span: Span) {
  const container = containerOf(shim, request.id, "start");
  const process = container.process(request.execId, "start");
  const told = Promise.withResolvers<void>();
  return process.queue.run(async () => {
    // An exit that overtakes this answer is told after the start.
    process.starting = told.promise;
    try {
      if (request.execId === "") await startInit(shim, container, span);
      else await startExec(shim, container, process as ExecProcess, span);
      return { pid: process.pid };
    } finally {
      told.resolve();
    }
  });
}

async function startInit(shim: ShimContext, container: Container, span: Span): Promise<void> {
  const { init, record } = container;
  const refusal = initRefusal(init.state, "start");
  if (refusal) throw refusal;
  shim.oom.add(container);
  try {
    await container.runtime.start(container.id, span.context);
  } catch (thrown) {
    throw runtimeFailed(thrown, "start", "OCI runtime start failed");
  }
  if (init.state === "created") init.become("running");
  record.started = true;
  container.save();
  shim.events.started(container.id, init.pid);
}

async function startExec(
  shim: ShimContext,
  container: Container,
  process: ExecProcess,
  span: Span,
): Promise<void> {
  const refusal = execRefusal(process.state, "start");
  if (refusal) throw refusal;
  try {
    await launchProcess(container, process, (means) =>
      container.runtime
        .exec({
          ...means,
          id: container.id,
          process: process.spec,
          trace: span.context,
        })
        .catch((thrown: unknown) => {
          throw runtimeFailed(thrown, "exec", "OCI runtime exec failed");
        }),
    );
  } catch (thrown) {
    const error = toChainError(thrown, "shim", "start");
    process.noteNotStarted(notStartedStatus(error.root.code));
    throw error;
  }
  process.become("running");
  delete process.spec;
  shim.events.execStarted(container.id, process.execId, process.pid);
}

/** The status that a shell gives a command that could not be started. */
function notStartedStatus(code: string): number {
  if (code === "not_found") return 127;
  return code === "permission_denied" ? 126 : 255;
}
