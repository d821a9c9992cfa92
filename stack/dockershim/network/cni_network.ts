import type { PodSandboxMetadata } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { CniAttachment, CniPortMapping } from "../state/sandbox_checkpoint.ts";
import type { CniConfig, CniPlugin } from "./cni_config.ts";
import { callPlugin } from "./cni_plugin.ts";

/** The pod that is joined to a network. */
export interface CniPod {
  id: string;
  metadata: Pick<PodSandboxMetadata, "name" | "namespace" | "uid">;
  /** `/proc/PID/ns/net`; "" once it is gone, as DEL allows. */
  netns: string;
}

const INTERFACE = "eth0";

/**
 * Joins a pod to the network: each plugin in turn, with the result of the one before. When one
 * fails, those before it are undone.
 */
export async function addToNetwork(
  config: CniConfig,
  binDirs: string[],
  pod: CniPod,
  portMappings: CniPortMapping[],
): Promise<CniAttachment> {
  const attachment: CniAttachment = {
    config,
    binDirs,
    interfaceName: INTERFACE,
    portMappings,
    result: undefined,
    ips: [],
  };
  try {
    for (const plugin of config.plugins) {
      attachment.result = await run("ADD", attachment, plugin, pod);
    }
  } catch (thrown) {
    const error = toChainError(thrown, "dockershim", "network add");
    try {
      await removeFromNetwork(attachment, pod);
    } catch (failed) {
      error.cleanup ??= toChainError(failed, "dockershim", "network del");
    }
    throw error;
  }
  attachment.ips = addressesOf(attachment.result);
  return attachment;
}

/** Takes a pod off the network, last plugin first. All are called; the first error counts. */
export async function removeFromNetwork(attachment: CniAttachment, pod: CniPod): Promise<void> {
  const { plugins } = attachment.config as CniConfig;
  let failed: { thrown: unknown } | undefined;
  for (const plugin of [...plugins].reverse()) {
    try {
      await run("DEL", attachment, plugin, pod);
    } catch (thrown) {
      failed ??= { thrown };
    }
  }
  if (failed) throw failed.thrown;
}

function run(
  command: "ADD" | "DEL",
  attachment: CniAttachment,
  plugin: CniPlugin,
  pod: CniPod,
): Promise<unknown> {
  const { name, cniVersion } = attachment.config as CniConfig;
  const { capabilities, ...rest } = plugin;
  const input: Record<string, unknown> = { ...rest, name, cniVersion };
  if (attachment.result !== undefined) input["prevResult"] = attachment.result;
  if (capabilities?.["portMappings"] && attachment.portMappings.length > 0) {
    input["runtimeConfig"] = { portMappings: attachment.portMappings };
  }
  const { metadata, id, netns } = pod;
  return callPlugin({
    command,
    plugin,
    input,
    containerId: id,
    netns,
    interfaceName: attachment.interfaceName,
    args: [
      "IgnoreUnknown=1",
      `K8S_POD_NAMESPACE=${metadata.namespace}`,
      `K8S_POD_NAME=${metadata.name}`,
      `K8S_POD_INFRA_CONTAINER_ID=${id}`,
      `K8S_POD_UID=${metadata.uid}`,
    ].join(";"),
    binDirs: attachment.binDirs,
  });
}

/** The addresses of a result, without their prefix lengths; older results name them ip4 and ip6. */
export function addressesOf(result: unknown): string[] {
  const { ips, ip4, ip6 } = (result ?? {}) as {
    ips?: { address?: string }[];
    ip4?: { ip?: string };
    ip6?: { ip?: string };
  };
  const all = ips?.map(({ address }) => address) ?? [ip4?.ip, ip6?.ip];
  return all.flatMap((address) => (address ? [address.split("/")[0]!] : []));
}
