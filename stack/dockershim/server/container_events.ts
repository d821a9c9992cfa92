import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ContainerEventResponseSchema,
  ContainerEventType as Type,
} from "#gen/wire/cri/proto/runtime_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { EventMessage } from "#wire/docker-api/types/system.ts";
import { readLabels } from "../convert/docker_labels.ts";
import type { Dockershim } from "../dockershim.ts";
import { framed, ifPresent } from "../refusals.ts";
import { containerStatuses } from "./sandbox_status.ts";
import { sandboxStatusOf } from "./sandbox_view.ts";

const TYPES: Record<string, Type> = {
  create: Type.CONTAINER_CREATED_EVENT,
  start: Type.CONTAINER_STARTED_EVENT,
  die: Type.CONTAINER_STOPPED_EVENT,
  destroy: Type.CONTAINER_DELETED_EVENT,
};

/**
 * GetContainerEvents: what happens to sandboxes and containers from now on, with the pod's state at
 * that time, until the caller leaves.
 */
export async function* containerEvents(
  shim: Dockershim,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof ContainerEventResponseSchema>> {
  const signals = [shim.closing.signal, ...(context.signal ? [context.signal] : [])];
  const call = { ...shim.call(context), signal: AbortSignal.any(signals) };
  const filters = { type: ["container"], event: Object.keys(TYPES) };
  try {
    for await (const event of shim.engine.events({ filters }, call)) {
      const told = await responseOf(shim, event, context);
      if (told) yield told;
    }
  } catch (thrown) {
    if (call.signal.aborted) return;
    throw framed("get container events", "failed to follow docker's events", thrown);
  }
}

async function responseOf(
  shim: Dockershim,
  { Action, Actor, timeNano }: EventMessage,
  context: CallContext,
): Promise<MessageInitShape<typeof ContainerEventResponseSchema> | undefined> {
  const { kind, sandboxId } = readLabels(Actor.Attributes);
  const containerEventType = TYPES[Action];
  if (!kind || containerEventType === undefined) return undefined;
  const podId = kind === "podsandbox" ? Actor.ID : sandboxId;
  const pod = await ifPresent(shim.find("podsandbox", podId, context));
  return {
    containerId: Actor.ID,
    containerEventType,
    createdAt: BigInt(timeNano),
    ...(pod
      ? {
          podSandboxStatus: sandboxStatusOf(pod, shim.checkpoints.read(pod.Id)),
          containersStatuses: await containerStatuses(shim, pod.Id, context),
        }
      : {}),
  };
}
