import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "#wire/docker-api/engine.ts";
import type { ContainerUpdateBody } from "#wire/docker-api/types/container_config.ts";
import type { ContainersPruned } from "#wire/docker-api/types/container_view.ts";
import { specAny } from "../client/spec_any.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, matchesLabels } from "../filters.ts";
import { conflict, invalid } from "../refusals.ts";
import { checkResources, ociResources } from "../spec/resources.ts";
import { containerRemove } from "./container_remove.ts";
import { writtenBytes } from "./container_size.ts";
import { checkRestartPolicy } from "./host_config_check.ts";
import { pruneUntil } from "./prune_time.ts";

/** POST /containers/ID/rename */
export async function containerRename(daemon: Daemon, ref: string, name: string): Promise<void> {
  const container = daemon.find(ref);
  const op = "rename container";
  if (name === "") throw invalid(op, "Neither old nor new names may be empty");
  await container.lock.run(async () => {
    const old = container.record.name;
    const bare = name.replace(/^\//, "");
    if (bare === old) {
      throw invalid(op, "Renaming a container with the same name as its current name");
    }
    try {
      container.record.name = daemon.containers.reserve(`/${bare}`, container.id);
    } catch (error) {
      throw toChainError(error, "dockerd", op).wrap({
        layer: "dockerd",
        op,
        code: error instanceof ChainError ? error.outer.code : "internal",
        message: "Error when allocating new name",
      });
    }
    daemon.containers.release(old);
    container.save();
    daemon.events.container(container, "rename", { oldName: `/${old}` });
  });
}

const LIMITS = [
  "CpuShares",
  "Memory",
  "NanoCpus",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "CpusetCpus",
  "CpusetMems",
  "MemoryReservation",
  "MemorySwap",
  "BlkioWeight",
  "PidsLimit",
] as const;

/** Limits that no runtime can change under a running container. */
const FIXED = [
  "Devices",
  "DeviceCgroupRules",
  "Ulimits",
  "CgroupParent",
  "MemorySwappiness",
] as const;

/**
 * POST /containers/ID/update: limits of a running container at once, of a stopped one at its
 * start.
 */
export async function containerUpdate(
  daemon: Daemon,
  ref: string,
  body: ContainerUpdateBody,
  context: CallContext,
): Promise<{ Warnings: string[] }> {
  const container = daemon.find(ref);
  const op = "update container";
  for (const field of FIXED) {
    const value = body[field];
    const empty = value === null || value === undefined || value === "" || value === 0;
    if (!empty && !(Array.isArray(value) && value.length === 0)) {
      throw invalid(op, `${field} cannot be updated`);
    }
  }
  if (body.RestartPolicy?.Name) checkRestartPolicy({ RestartPolicy: body.RestartPolicy });
  return container.lock.run(async () => {
    if (container.removing || container.record.state.dead) {
      throw conflict(
        op,
        `Cannot update container ${container.id}: Container is marked for removal and ` +
          'cannot be "update".',
      );
    }
    const { hostConfig, state } = container.record;
    const next = { ...hostConfig };
    for (const field of LIMITS) {
      const value = body[field];
      // Only what was given changes. For pids, 0 and -1 mean "no limit any more".
      if (field === "PidsLimit" ? value !== null && value !== undefined : value) {
        Object.assign(next, { [field]: value });
      }
    }
    if (
      body.Memory &&
      !body.MemorySwap &&
      hostConfig.MemorySwap &&
      body.Memory > hostConfig.MemorySwap
    ) {
      throw invalid(
        op,
        "Memory limit should be smaller than already set memoryswap limit, update the " +
          "memoryswap at the same time",
      );
    }
    const warnings = checkResources(next, daemon.facts);
    if (hostConfig.AutoRemove && body.RestartPolicy?.Name && body.RestartPolicy.Name !== "no") {
      throw invalid(
        op,
        "Restart policy cannot be updated because AutoRemove is enabled for the container",
      );
    }
    if (state.running && !state.restarting) {
      const changed: ContainerUpdateBody = {};
      for (const field of LIMITS) Object.assign(changed, { [field]: body[field] ?? null });
      const resources = ociResources(changed);
      if (body.PidsLimit === 0) resources.pids = { limit: -1 };
      await daemon.services.tasks.update(
        { containerId: container.id, resources: specAny("LinuxResources", resources) },
        daemon.call(context),
      );
    }
    if ((body.PidsLimit ?? 1) <= 0) next.PidsLimit = null;
    if (body.RestartPolicy?.Name) next.RestartPolicy = body.RestartPolicy;
    Object.assign(hostConfig, next);
    container.save();
    daemon.events.container(container, "update");
    return { Warnings: warnings };
  });
}

/** POST /containers/ID/resize */
export async function containerResize(
  daemon: Daemon,
  ref: string,
  height: number,
  width: number,
  context: CallContext,
): Promise<void> {
  const container = daemon.find(ref);
  const { id: containerId } = container;
  if (!container.record.state.running) {
    throw conflict("resize", `container ${containerId} is not running`);
  }
  await daemon.services.tasks.resizePty(
    { containerId, execId: "", height, width },
    daemon.call(context),
  );
  daemon.events.container(container, "resize", {
    height: String(height),
    width: String(width),
  });
}

/** POST /containers/prune */
export async function containerPrune(
  daemon: Daemon,
  filters: Filters,
  context: CallContext,
): Promise<ContainersPruned> {
  checkFilters(filters, ["label", "label!", "until"]);
  const until = pruneUntil(filters);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of daemon.containers.all()) {
    const { record } = container;
    if (record.state.running) continue;
    if (until !== undefined && Date.parse(record.created) > until) continue;
    if (!matchesLabels(record.config.Labels, filters["label"] ?? [])) continue;
    if ((filters["label!"] ?? []).some((l) => matchesLabels(record.config.Labels, [l]))) continue;
    const { id } = record;
    const written = await writtenBytes(daemon, container, context).catch(() => 0);
    try {
      const options = { force: false, volumes: false, link: false };
      await containerRemove(daemon, id, options, context);
    } catch (error) {
      // It was started or removed meanwhile.
      if (error instanceof ChainError) continue;
      throw error;
    }
    reclaimed += written;
    deleted.push(id);
  }
  daemon.events.pruned("container", reclaimed);
  return { ContainersDeleted: deleted, SpaceReclaimed: reclaimed };
}
