import { existsSync } from "node:fs";
import type { ExecProcessRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { type FrameInit, failure, toChainError } from "#lib/errors/chain_error.ts";
import { descriptorCause } from "#lib/errors/descriptor_cause.ts";
import type { ExecProcess } from "../process/container.ts";
import { initRefusal } from "../process/init_state.ts";
import { TaskProcess } from "../process/task_process.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";
import { writeExec } from "../state/container_record.ts";

/** Adds a process to a container; `start` runs it. */
export async function execTask(shim: ShimContext, request: ExecProcessRequest) {
  const container = containerOf(shim, request.id, "exec");
  const { execId, stdin, stdout, stderr, terminal } = request;
  if (execId === "" || container.execs.has(execId)) {
    const message = `id ${execId}`;
    throw failure({ layer: "shim", op: "exec", code: "already_exists", message });
  }
  const refusal = initRefusal(container.init.state, "exec");
  if (refusal) throw refusal;
  const spec = { ...parseProcess(request.spec?.value), terminal };
  const token = container.newToken();
  const stdio = { stdin, stdout, stderr, terminal };
  const process: ExecProcess = new TaskProcess(token, execId, stdio, "created");
  process.spec = spec;
  container.execs.set(execId, process);
  try {
    writeExec(container.bundle, { version: 1, execId, token, stdio, process: spec });
  } catch (thrown) {
    // Without its record it is not there: the same id may be asked for again.
    container.execs.delete(execId);
    const error = toChainError(thrown, "shim", "write exec record");
    throw error.wrap({
      layer: "shim",
      op: "exec",
      code: error.outer.code,
      message: "failed to create init process I/O",
      ...descriptorCause(error, "shim"),
      ...(existsSync(container.bundle) ? {} : bundleGone(container.bundle)),
    });
  }
  shim.events.execAdded(container.id, execId);
  return {};
}

/** Records are written into the bundle: somebody has removed it under a running container. */
function bundleGone(bundle: string): Pick<FrameInit, "causeId" | "cause" | "fix" | "evidence"> {
  return {
    causeId: "bundle-missing",
    cause: `the bundle ${bundle} of a running container is gone`,
    fix: "restart the container, and keep cleaners out of that folder",
    evidence: [{ kind: "path", value: "missing", ref: bundle }],
  };
}

function parseProcess(value: Uint8Array | undefined): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(value));
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Told below, with the same words as for a value of another type.
  }
  const message = "the exec's spec is not a process object in JSON";
  throw failure({ layer: "shim", op: "exec", code: "invalid_argument", message });
}
