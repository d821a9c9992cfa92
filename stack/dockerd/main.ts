import { mkdirSync } from "node:fs";
import { ChainError } from "#lib/errors/chain_error.ts";
import { recordsFolder } from "#lib/errors/error_record.ts";
import { checkMirror } from "#lib/registry/registry_endpoint.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { followTaskEvents } from "./client/task_events.ts";
import { Daemon, type DockerdOptions } from "./daemon.ts";
import { dockerEngine } from "./engine.ts";
import { catchUp, recover, startPolicies } from "./recovery.ts";

export type { ContainerDefaults } from "./config/container_defaults.ts";
export { DAEMON_FILE, type DaemonFile, readDaemonFile } from "./config/daemon_file.ts";
export type { DockerdNetworkOptions, DockerdOptions, RuntimeChoice } from "./daemon.ts";
export { parseSize } from "./logs/json_log_writer.ts";
export { removeAllNetworks } from "./network/remove_all.ts";

/** A running dockerd: its operations, and what ends it. Containers run on after `close`. */
export interface Dockerd {
  engine: DockerEngine;
  close(): Promise<void>;
}

/**
 * Brings a dockerd up on a containerd: takes up the containers of an earlier life, then starts what
 * their restart policies want. Rejects when containerd does not answer.
 */
export async function createDockerd(options: DockerdOptions): Promise<Dockerd> {
  for (const mirror of options.registries?.mirrors ?? []) checkMirror(mirror);
  mkdirSync(options.root, { recursive: true, mode: 0o711 });
  mkdirSync(options.state, { recursive: true, mode: 0o711 });
  mkdirSync(recordsFolder(options.state), { recursive: true, mode: 0o700 });
  const daemon = new Daemon(options);
  await ensureNamespace(daemon);
  daemon.containers.load(daemon.log);
  const events = followTaskEvents(daemon, () => catchUp(daemon));
  await recover(daemon);
  await startPolicies(daemon);
  return {
    engine: dockerEngine(daemon),
    close: async () => {
      daemon.closing.abort();
      for (const key of [...daemon.timers.keys()]) daemon.clearTimer(key);
      await events;
      daemon.networks.close();
      for (const container of daemon.containers.all()) {
        container.task?.io.detach();
        container.log?.close();
        container.hub.end();
      }
    },
  };
}

async function ensureNamespace(daemon: Daemon): Promise<void> {
  const { services, namespace } = daemon;
  try {
    await services.namespaces.create({ namespace: { name: namespace, labels: {} } }, daemon.call());
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "already_exists") return;
    throw error;
  }
}
