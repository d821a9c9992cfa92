import type { Container, ContainerStatusResponse } from "#gen/wire/cri/proto/container_pb.ts";
import type { Image } from "#gen/wire/cri/proto/image_pb.ts";
import type { PodSandbox } from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import type {
  ContainerDetail,
  ContainerPhase,
  ContainerView,
  ImageView,
  SandboxView,
} from "../runtime/pod_runtime.ts";

const PHASES: readonly ContainerPhase[] = ["created", "running", "exited", "unknown"];

/** A sandbox of a list, with what runtimes leave out filled in. */
export function sandboxView(item: PodSandbox): SandboxView {
  const { id, metadata, state, createdAt, labels, annotations } = item;
  return {
    id,
    name: metadata?.name ?? "",
    namespace: metadata?.namespace ?? "",
    uid: metadata?.uid ?? "",
    attempt: metadata?.attempt ?? 0,
    ready: state === 0,
    createdMs: milliseconds(createdAt),
    labels,
    annotations,
  };
}

/** A container of a list. */
export function containerView(item: Container): ContainerView {
  return {
    id: item.id,
    sandboxId: item.podSandboxId,
    name: item.metadata?.name ?? "",
    attempt: item.metadata?.attempt ?? 0,
    phase: PHASES[item.state] ?? "unknown",
    createdMs: milliseconds(item.createdAt),
    image: item.image?.image ?? "",
    imageRef: item.imageRef,
    labels: item.labels,
    annotations: item.annotations,
  };
}

/** A container's own status. */
export function detailOf({ status }: ContainerStatusResponse): ContainerDetail {
  return {
    phase: PHASES[status?.state ?? 3] ?? "unknown",
    startedMs: milliseconds(status?.startedAt ?? 0n),
    finishedMs: milliseconds(status?.finishedAt ?? 0n),
    exitCode: status?.exitCode ?? 0,
    reason: status?.reason ?? "",
    message: status?.message ?? "",
    imageId: status?.imageRef ?? "",
    logPath: status?.logPath ?? "",
  };
}

/** The pid in a verbose status: containerd and we put it into JSON under "info". */
export function pidOf({ info }: ContainerStatusResponse): number | undefined {
  try {
    const { pid } = JSON.parse(info["info"] ?? "{}") as { pid?: unknown };
    return typeof pid === "number" && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** An image of a list or status. */
export function imageView(image: Image): ImageView {
  return {
    id: image.id,
    tags: image.repoTags,
    digests: image.repoDigests,
    sizeBytes: Number(image.size),
    username: image.username,
    pinned: image.pinned,
    ...(image.uid && { uid: Number(image.uid.value) }),
  };
}

/** CRI's times are nanoseconds since 1970. */
function milliseconds(time: bigint): number {
  return Number(time / 1_000_000n);
}
