import type { KillRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import { errnoOf } from "../keeping/keeper.ts";
import type { Container, ExecProcess } from "../process/container.ts";
import { execRefusal } from "../process/exec_state.ts";
import { initRefusal } from "../process/init_state.ts";
import { killFailed } from "../process/runtime_failure.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Signals a container's init (or all its processes), or one exec. */
export async function killTask(shim: ShimContext, request: KillRequest) {
  const container = containerOf(shim, request.id, "kill");
  const process = container.process(request.execId, "kill");
  if (request.execId !== "") {
    await killExec(container, process as ExecProcess, request.signal);
    return {};
  }
  const refusal = initRefusal(container.init.state, "kill");
  if (refusal) throw refusal;
  try {
    await container.runtime.kill(container.id, request.signal, request.all);
  } catch (thrown) {
    throw killFailed(thrown);
  }
  return {};
}

async function killExec(container: Container, exec: ExecProcess, signal: number): Promise<void> {
  const refusal = execRefusal(exec.state, "kill");
  if (refusal) throw refusal;
  if (exec.pid === 0) {
    const message = "process not created";
    throw failure({ layer: "shim", op: "kill", code: "failed_precondition", message });
  }
  const finished = () =>
    failure({ layer: "shim", op: "kill", code: "not_found", message: "process already finished" });
  if (exec.exit) throw finished();
  try {
    await container.needKeeper("kill").signal(exec.token, signal);
  } catch (thrown) {
    throw errnoOf(thrown) === "ESRCH" ? finished() : killFailed(thrown);
  }
}
