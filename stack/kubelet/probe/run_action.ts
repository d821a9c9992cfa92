import type { PodRuntime } from "../runtime/pod_runtime.ts";
import type { ContainerSpec } from "../spec/pod.ts";
import type { ActionSpec, PortRef } from "../spec/probe_spec.ts";
import type { ActionOutcome } from "./action_outcome.ts";
import { execAction } from "./exec_action.ts";
import { httpAction, tcpAction } from "./net_action.ts";

/** Which container an action is about and how it is reached. */
export interface ActionTarget {
  runtime: PodRuntime;
  containerId: string;
  spec: ContainerSpec;
  /** The pod's address; the node's own for pods in the host's network. */
  ip: string;
}

/** Runs one probe or hook to its end, or to its time-out in seconds. Never rejects. */
export async function runAction(
  action: ActionSpec,
  target: ActionTarget,
  timeoutSeconds: number,
): Promise<ActionOutcome> {
  const timeoutMs = timeoutSeconds * 1000;
  if (action.kind === "exec") {
    return execAction(target.runtime, target.containerId, action.command, timeoutSeconds);
  }
  if (action.kind === "sleep") {
    await Bun.sleep(Math.min(action.seconds, timeoutSeconds) * 1000);
    return { result: "success", output: "" };
  }
  const port = portNumber(action.port, target.spec);
  if (port === undefined) {
    const output = `container ${target.spec.name} has no port named ${action.port}`;
    return { result: "failure", output };
  }
  if (action.kind === "grpc") {
    const { grpcAction } = await import("./grpc_action.ts");
    return grpcAction(target.ip, port, action.service, timeoutMs);
  }
  const host = action.host ?? target.ip;
  if (host === "") return { result: "failure", output: "the pod has no address yet" };
  if (action.kind === "tcp") return tcpAction(host, port, timeoutMs);
  const name = host.includes(":") ? `[${host}]` : host;
  const path = action.path.startsWith("/") ? action.path : `/${action.path}`;
  const url = `${action.scheme.toLowerCase()}://${name}:${port}${path}`;
  return httpAction({ url, headers: action.headers, timeoutMs });
}

function portNumber(port: PortRef, { ports }: ContainerSpec): number | undefined {
  if (typeof port === "number") return port;
  return ports.find(({ name }) => name === port)?.containerPort;
}
