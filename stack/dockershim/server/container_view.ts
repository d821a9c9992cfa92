import type { MessageInitShape } from "@bufbuild/protobuf";
import { MountPropagation, Signal } from "#gen/wire/cri/proto/container_config_pb.ts";
import {
  type ContainerSchema,
  ContainerState,
  type ContainerStatusSchema,
} from "#gen/wire/cri/proto/container_pb.ts";
import type {
  ContainerInspect,
  ContainerStateView,
  ContainerSummary,
} from "#wire/docker-api/types/container_view.ts";
import { readLabels } from "../convert/docker_labels.ts";
import { parseName } from "../convert/docker_name.ts";
import { criResources } from "../convert/docker_resources.ts";
import { fromSeconds, nanoseconds } from "../convert/timestamp.ts";

/** An item of ListContainers. Undefined for a container whose name no dockershim gave. */
export function containerItem(
  summary: ContainerSummary,
): MessageInitShape<typeof ContainerSchema> | undefined {
  const name = parseName(summary.Names[0] ?? "");
  if (!name) return undefined;
  const { labels, annotations, sandboxId } = readLabels(summary.Labels);
  return {
    id: summary.Id,
    podSandboxId: sandboxId,
    metadata: { name: name.container, attempt: name.attempt },
    image: { image: summary.Image },
    imageRef: summary.ImageID,
    imageId: summary.ImageID,
    state: stateOfWord(summary.State),
    createdAt: fromSeconds(summary.Created),
    labels,
    annotations,
  };
}

function stateOfWord(word: string): ContainerState {
  switch (word) {
    case "running":
    case "paused":
      return ContainerState.CONTAINER_RUNNING;
    case "created":
      return ContainerState.CONTAINER_CREATED;
    case "exited":
    case "dead":
      return ContainerState.CONTAINER_EXITED;
    default:
      return ContainerState.CONTAINER_UNKNOWN;
  }
}

/** Whether a container's start was tried in vain: Docker leaves such a one as created. */
function failedToStart({ Status, ExitCode, Error: text }: ContainerStateView): boolean {
  return Status === "created" && (ExitCode !== 0 || text !== "");
}

function stateOf(state: ContainerStateView): ContainerState {
  return failedToStart(state) ? ContainerState.CONTAINER_EXITED : stateOfWord(state.Status);
}

/** Why it is as it is, in the words that a pod's status shows. */
function reasonOf(state: ContainerStateView): string {
  if (failedToStart(state)) return "ContainerCannotRun";
  if (stateOf(state) !== ContainerState.CONTAINER_EXITED) return "";
  if (state.OOMKilled) return "OOMKilled";
  return state.ExitCode === 0 ? "Completed" : "Error";
}

const PROPAGATION: Record<string, MountPropagation> = {
  rslave: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  slave: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  rshared: MountPropagation.PROPAGATION_BIDIRECTIONAL,
  shared: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** The status of a container. `imageRef` is how its image is known: a digest, or its id. */
export function containerStatusOf(
  found: ContainerInspect,
  imageRef: string,
): MessageInitShape<typeof ContainerStatusSchema> {
  const { State, Config, HostConfig } = found;
  const name = parseName(found.Name);
  const { labels, annotations, logPath } = readLabels(Config.Labels);
  const exited = stateOf(State) === ContainerState.CONTAINER_EXITED;
  return {
    id: found.Id,
    metadata: { name: name?.container ?? "", attempt: name?.attempt ?? 0 },
    state: stateOf(State),
    createdAt: nanoseconds(found.Created),
    startedAt: nanoseconds(State.StartedAt),
    finishedAt: exited ? finishedAt(found) : 0n,
    exitCode: exited ? State.ExitCode : 0,
    image: { image: Config.Image ?? "" },
    imageRef,
    imageId: found.Image,
    reason: reasonOf(State),
    message: State.Error,
    labels,
    annotations,
    mounts: found.Mounts.filter(({ Type }) => Type === "bind").map((mount) => ({
      hostPath: mount.Source,
      containerPath: mount.Destination,
      readonly: !mount.RW,
      propagation: PROPAGATION[mount.Propagation] ?? MountPropagation.PROPAGATION_PRIVATE,
    })),
    logPath,
    resources: { linux: criResources(HostConfig) },
    stopSignal: stopSignalOf(Config.StopSignal),
    ...userOf(Config.User),
  };
}

/** Never before its start, which Docker notes a little after it: a short process ends meanwhile. */
function finishedAt({ State, Created }: ContainerInspect): bigint {
  const ended = nanoseconds(State.FinishedAt) || nanoseconds(Created);
  const started = nanoseconds(State.StartedAt);
  if (ended < started) return started;
  return ended;
}

/** The user, where it is given in numbers; names are the image's own matter. */
function userOf(user: string | null | undefined) {
  const match = (user ?? "").match(/^([0-9]+)(?::([0-9]+))?$/);
  if (!match) return {};
  return { user: { linux: { uid: BigInt(match[1]!), gid: BigInt(match[2] ?? 0) } } };
}

function stopSignalOf(name: string | null | undefined): Signal {
  const key = (name ?? "").replace("+", "PLUS").replace("-", "MINUS");
  const named = Signal[(key.startsWith("SIG") ? key : `SIG${key}`) as keyof typeof Signal];
  return named ?? Signal.SIGTERM;
}
