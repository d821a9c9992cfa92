import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type PodSandboxSchema,
  PodSandboxState,
  type PodSandboxStatusSchema,
} from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import type { ContainerInspect, ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import { readLabels } from "../convert/docker_labels.ts";
import { type ParsedName, parseName } from "../convert/docker_name.ts";
import { namespaceOptions } from "../convert/namespace_modes.ts";
import { fromSeconds, nanoseconds } from "../convert/timestamp.ts";
import type { SandboxCheckpoint } from "../state/sandbox_checkpoint.ts";

/** An item of ListPodSandbox. Undefined for a container whose name no dockershim gave. */
export function sandboxItem(
  summary: ContainerSummary,
  checkpoint: SandboxCheckpoint | undefined,
): MessageInitShape<typeof PodSandboxSchema> | undefined {
  const name = parseName(summary.Names[0] ?? "");
  if (!name) return undefined;
  const { labels, annotations } = readLabels(summary.Labels);
  return {
    id: summary.Id,
    metadata: podMetadata(name),
    state: stateOf(summary.State === "running"),
    createdAt: fromSeconds(summary.Created),
    labels,
    annotations,
    runtimeHandler: checkpoint?.runtimeHandler ?? "",
  };
}

/** The pod's metadata, as its sandbox's name tells it. */
export function podMetadata({ pod: name, namespace, uid, attempt }: ParsedName) {
  return { name, namespace, uid, attempt };
}

const stateOf = (running: boolean) =>
  running ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;

/** The status of a sandbox. */
export function sandboxStatusOf(
  found: ContainerInspect,
  checkpoint: SandboxCheckpoint | undefined,
): MessageInitShape<typeof PodSandboxStatusSchema> {
  const name = parseName(found.Name);
  const { labels, annotations } = readLabels(found.Config.Labels);
  const [ip = "", ...more] = addressesOf(found, checkpoint);
  return {
    id: found.Id,
    ...(name ? { metadata: podMetadata(name) } : {}),
    state: stateOf(found.State.Running),
    createdAt: nanoseconds(found.Created),
    network: { ip, additionalIps: more.map((address) => ({ ip: address })) },
    linux: { namespaces: { options: namespaceOptions(found.HostConfig) } },
    labels,
    annotations,
    runtimeHandler: checkpoint?.runtimeHandler ?? "",
  };
}

/** A pod's own addresses: of its CNI network, or of Docker's. None on the host's network. */
function addressesOf(found: ContainerInspect, checkpoint: SandboxCheckpoint | undefined): string[] {
  if (found.HostConfig.NetworkMode === "host" || !found.State.Running) return [];
  if (checkpoint?.network) return checkpoint.network.ips;
  const networks = Object.values(found.NetworkSettings.Networks ?? {});
  const all = networks.flatMap((network) => [network.IPAddress, network.GlobalIPv6Address]);
  return all.flatMap((address) => (address ? [address] : []));
}
