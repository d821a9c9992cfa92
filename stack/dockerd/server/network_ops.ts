import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Filters } from "#wire/docker-api/engine.ts";
import type { NetworkView } from "#wire/docker-api/types/network.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter, matchesLabels } from "../filters.ts";
import { removeBridge } from "../network/bridge_interface.ts";
import { cniName } from "../network/cni_network.ts";
import type { NetworkRecord } from "../network/network_record.ts";
import { networkView } from "../network/network_view.ts";
import { forbidden, invalid } from "../refusals.ts";
import { pruneUntil } from "./prune_time.ts";

const KNOWN = ["driver", "id", "label", "name", "scope", "type", "dangling"];

/** GET /networks: without their containers. */
export async function networkList(daemon: Daemon, filters: Filters): Promise<NetworkView[]> {
  checkFilters(filters, KNOWN);
  for (const type of filters["type"] ?? []) {
    if (type !== "custom" && type !== "builtin") {
      throw invalid("list networks", `invalid filter: 'type'='${type}'`);
    }
  }
  const dangling = flagFilter(filters, "dangling");
  return daemon.networks.store
    .all()
    .filter((record) => dangling === undefined || isDangling(daemon, record) === dangling)
    .filter((record) => matches(record, filters))
    .map((record) => ({ ...networkView(daemon, record), Containers: {} }));
}

const isDangling = (daemon: Daemon, record: NetworkRecord) =>
  !record.predefined && users(daemon, record).length === 0;

/** Containers that run on a network. */
function users(daemon: Daemon, { name }: NetworkRecord) {
  return daemon.containers.all().filter(({ record }) => record.networks?.[name]?.live);
}

function matches(record: NetworkRecord, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    switch (key) {
      case "driver":
        return values.includes(record.driver);
      case "id":
        return values.some((value) => record.id.startsWith(value));
      case "name":
        return values.some((value) => record.name.includes(value));
      case "scope":
        return values.includes("local");
      case "label":
        return matchesLabels(record.labels, values);
      case "type":
        return values.includes(record.predefined ? "builtin" : "custom");
      default:
        return true;
    }
  });
}

/** GET /networks/ID */
export async function networkInspect(daemon: Daemon, ref: string): Promise<NetworkView> {
  return networkView(daemon, daemon.networks.store.find(ref));
}

/** DELETE /networks/ID */
export async function networkRemove(daemon: Daemon, ref: string): Promise<void> {
  const op = "remove network";
  const record = daemon.networks.store.find(ref);
  if (record.predefined) {
    throw forbidden(op, `${record.name} is a pre-defined network and cannot be removed`);
  }
  if (users(daemon, record).length > 0) {
    throw forbidden(
      op,
      `error while removing network: network ${record.name} id ${record.id} has active endpoints`,
    );
  }
  await removeRecord(daemon, record);
}

async function removeRecord(daemon: Daemon, record: NetworkRecord): Promise<void> {
  daemon.networks.store.remove(record);
  await removeBridge(record.bridge);
  if (daemon.networks.filter) await daemon.networks.rules.remove(record);
  rmSync(join(daemon.networks.addressFolder, cniName(record)), { recursive: true, force: true });
  daemon.events.publish("network", "destroy", record.id, {
    name: record.name,
    type: record.driver,
  });
}

/** POST /networks/prune */
export async function networkPrune(
  daemon: Daemon,
  filters: Filters,
): Promise<{ NetworksDeleted: string[] | null }> {
  checkFilters(filters, ["label", "label!", "until"]);
  const until = pruneUntil(filters);
  const deleted: string[] = [];
  for (const record of daemon.networks.store.all()) {
    if (record.predefined || isUsed(daemon, record)) continue;
    if (until !== undefined && Date.parse(record.created) > until) continue;
    if (!matchesLabels(record.labels, filters["label"] ?? [])) continue;
    if ((filters["label!"] ?? []).some((label) => matchesLabels(record.labels, [label]))) continue;
    await removeRecord(daemon, record);
    deleted.push(record.name);
  }
  daemon.events.pruned("network", 0);
  return { NetworksDeleted: deleted.length > 0 ? deleted : null };
}

const isUsed = (daemon: Daemon, record: NetworkRecord) => users(daemon, record).length > 0;
