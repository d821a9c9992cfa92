import type {
  AttachRequest,
  ExecRequest,
  PortForwardRequest,
} from "#gen/wire/cri/proto/container_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Dockershim } from "../dockershim.ts";
import { inFrame, invalid, refuse } from "../refusals.ts";

/** Exec: the URL under which a client runs a command and has its streams. */
export async function execUrl(
  shim: Dockershim,
  request: ExecRequest,
  context: CallContext,
): Promise<{ url: string }> {
  const { containerId, cmd, tty, stdin, stdout, stderr } = request;
  checkStreams("exec", request);
  if (cmd.length === 0) throw invalid("exec", "no command is given");
  const id = await runningContainer(shim, "exec", containerId, context);
  return {
    url: shim.streaming.url({ kind: "exec", containerId: id, cmd, tty, stdin, stdout, stderr }),
  };
}

/** Attach: the URL under which a client has the streams of a container's own process. */
export async function attachUrl(
  shim: Dockershim,
  request: AttachRequest,
  context: CallContext,
): Promise<{ url: string }> {
  const { containerId, tty, stdin, stdout, stderr } = request;
  checkStreams("attach", request);
  const id = await runningContainer(shim, "attach", containerId, context);
  return {
    url: shim.streaming.url({ kind: "attach", containerId: id, tty, stdin, stdout, stderr }),
  };
}

/** PortForward: the URL under which a client reaches ports of a pod. */
export async function portForwardUrl(
  shim: Dockershim,
  { podSandboxId, port }: PortForwardRequest,
  context: CallContext,
): Promise<{ url: string }> {
  const op = "port forward";
  return inFrame(op, `failed to forward ports of sandbox ${podSandboxId}`, async () => {
    const { Id, State } = await shim.find("podsandbox", podSandboxId, context);
    if (!State.Running) {
      throw refuse("failed_precondition", op, `sandbox container ${Id} is not running`);
    }
    const bad = port.find((number) => number < 1 || number > 65_535);
    if (bad !== undefined) throw invalid(op, `port ${bad} is none`);
    return {
      url: shim.streaming.url({ kind: "portforward", sandboxId: Id, pid: State.Pid, ports: port }),
    };
  });
}

interface Flags {
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** The CRI's own rules for which streams go together. */
function checkStreams(op: string, { tty, stdin, stdout, stderr }: Flags): void {
  if (!stdin && !stdout && !stderr) {
    throw invalid(op, "one of stdin, stdout, or stderr must be set");
  }
  if (tty && stderr) throw invalid(op, "tty and stderr cannot both be true");
}

function runningContainer(
  shim: Dockershim,
  op: string,
  containerId: string,
  context: CallContext,
): Promise<string> {
  return inFrame(op, `failed to ${op} in container ${containerId}`, async () => {
    const { Id, State } = await shim.find("container", containerId, context);
    if (State.Running) return Id;
    throw refuse("failed_precondition", op, `container ${Id} is not running`);
  });
}
