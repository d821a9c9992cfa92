import type { CloseIORequest, ResizePtyRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { errnoOf } from "../keeping/keeper.ts";
import type { ExecProcess } from "../process/container.ts";
import { execRefusal } from "../process/exec_state.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Sets the size of a process's terminal; one without is left alone, as by containerd. */
export async function resizeTask(shim: ShimContext, request: ResizePtyRequest) {
  const container = containerOf(shim, request.id, "resize");
  const process = container.process(request.execId, "resize");
  if (request.execId !== "") {
    const refusal = execRefusal((process as ExecProcess).state, "resize");
    if (refusal) throw refusal;
  }
  if (!process.stdio.terminal || process.exit) return {};
  process.size = { columns: request.width, rows: request.height };
  // Clients resize as soon as they have asked for a start: what comes early is applied then.
  if (process.pid === 0) return {};
  await container.needKeeper("resize").resize(process.token, request.width, request.height);
  return {};
}

/** Lets go of a process's stdin: it ends once the client has closed its side too. */
export async function closeIoOfTask(shim: ShimContext, request: CloseIORequest) {
  const container = containerOf(shim, request.id, "close io");
  const process = container.process(request.execId, "close io");
  if (!request.stdin || process.stdio.stdin === "") return {};
  process.stdinClosed = true;
  try {
    await container.needKeeper("close io").closeStdin(process.token);
  } catch (thrown) {
    // Not started yet: it will be started without.
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
  }
  return {};
}
