import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { errorFromText } from "#lib/rpc/status_codec.ts";
import type { PodRuntime } from "../runtime/pod_runtime.ts";
import { type ActionOutcome, clip } from "./action_outcome.ts";

/** Exit codes with which Docker says that a process could not be started. */
const NOT_STARTED = [126, 127];
/** What a runtime that has no other way writes into the output of what it could not start. */
const RUNTIME_WORDS = /^(OCI runtime (exec|create) failed|(docker|runc)?: ?.*exec failed: )/m;

/**
 * Runs a command in a container. Its exit code is the application's word; an error of the runtime
 * is not, and neither is the text that a Docker below puts in the place of output with code 126.
 */
export async function execAction(
  runtime: PodRuntime,
  containerId: string,
  command: string[],
  timeoutSeconds: number,
): Promise<ActionOutcome> {
  try {
    const { exitCode, output } = await runtime.execSync(containerId, command, timeoutSeconds);
    if (exitCode === 0) return { result: "success", output: clip(output) };
    if (NOT_STARTED.includes(exitCode) && RUNTIME_WORDS.test(output)) {
      return { result: "notExecuted", error: startFailure(output, exitCode) };
    }
    const words = clip(output) || `exit code ${exitCode}, no output`;
    return { result: "failure", output: words };
  } catch (thrown) {
    const error = toChainError(thrown, "dockershim", "exec probe");
    if (isTimeOut(error.outer.code, error.causeId)) {
      const output = `command "${command.join(" ")}" timed out after ${timeoutSeconds}s`;
      return { result: "failure", output };
    }
    return { result: "notExecuted", error };
  }
}

/** The program took too long; a runtime that does not answer carries a cause of its own. */
function isTimeOut(code: string, causeId: string | undefined): boolean {
  return code === "deadline_exceeded" && causeId === undefined;
}

function startFailure(output: string, exitCode: number) {
  const layer: Layer = "dockerd";
  const frame = { layer, op: "exec", code: "unknown" as const };
  const evidence = [{ kind: "exit" as const, value: `exit code ${exitCode}` }];
  return errorFromText(clip(output), { ...frame, evidence });
}

/** A hook's error where its handler is none that can be run here. */
export function unsupported(what: string): ActionOutcome {
  const error = failure({
    layer: "kubelet",
    op: "run action",
    code: "unimplemented",
    message: `${what} cannot be run here`,
  });
  return { result: "notExecuted", error };
}
