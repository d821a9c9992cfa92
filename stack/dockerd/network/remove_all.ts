import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cniPluginsEnded } from "#lib/cni/cni_orphans.ts";
import type { CniTarget } from "#lib/cni/cni_plugin.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { UMOUNT, unmount } from "#lib/linux/mount.ts";
import type { Log } from "#lib/log/log.ts";
import type { ContainerRecord } from "../container/container_record.ts";
import { readStateFile } from "../state_file.ts";
import { removeBridge } from "./bridge_interface.ts";
import { deleteEndpoint } from "./endpoint_attach.ts";
import { Networks, OWN_DEFAULT_BRIDGE } from "./networks.ts";

/**
 * Takes down all that a dockerd which does not run any more made of networks: interfaces, rules,
 * bridges, namespaces. Failures are logged: what follows removes the records.
 */
export async function removeAllNetworks(root: string, state: string, log: Log): Promise<void> {
  if (!existsSync(join(root, "networks"))) return;
  const networks = new Networks({ root, state }, log);
  const step = async (what: string, work: () => Promise<void> | void) => {
    try {
      await work();
    } catch (error) {
      const words = error instanceof ChainError ? error.message : String(error);
      log.warn("network could not be removed", { what, error: words });
    }
  };
  for (const record of containerRecords(root)) {
    await cniPluginsEnded(record.id);
    const netns = record.sandbox?.key ?? "";
    for (const [name, { live }] of Object.entries(record.networks ?? {})) {
      const network = networks.store.named(name);
      if (!network || !live) continue;
      const { ifname } = live;
      const where: CniTarget = { caller: "dockerd", containerId: record.id, netns, ifname };
      await step(`${record.name} on ${name}`, () => deleteEndpoint(networks, network, live, where));
    }
  }
  for (const network of networks.store.all()) {
    await step(network.name, () => networks.rules.remove(network));
    // docker0 may be another daemon's too, whose containers are on it.
    if (network.predefined && network.bridge !== OWN_DEFAULT_BRIDGE) continue;
    await step(network.bridge, () => removeBridge(network.bridge));
  }
  for (const name of namesIn(networks.namespaceFolder)) {
    const path = join(networks.namespaceFolder, name);
    await step(path, () => unmount(path, UMOUNT.DETACH | UMOUNT.NOFOLLOW));
  }
}

const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);

function containerRecords(root: string): ContainerRecord[] {
  const folder = join(root, "containers");
  return namesIn(folder)
    .map((id) => readStateFile(join(folder, id, "container.json")) as ContainerRecord | undefined)
    .filter((record) => record !== undefined);
}
