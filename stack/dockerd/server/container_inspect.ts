import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { ContainerInspect } from "#wire/docker-api/types/container_view.ts";
import { mountPoints } from "../container/container_record.ts";
import type { Daemon } from "../daemon.ts";
import { linkViews } from "../network/links.ts";
import { networkFilePaths } from "../network/network_files.ts";
import { networkSettings } from "../network/network_view.ts";
import { graphDriver } from "./container_layers.ts";
import { containerSizes } from "./container_size.ts";

/** GET /containers/ID/json */
export async function containerInspect(
  daemon: Daemon,
  ref: string,
  size: boolean,
  context: CallContext,
): Promise<ContainerInspect> {
  const container = daemon.find(ref);
  const { record } = container;
  const { state } = record;
  const files = networkFilePaths(container);
  const started = !state.startedAt.startsWith("0001");
  const hasLog = record.hostConfig.LogConfig?.Type === "json-file" && started;
  return {
    Id: record.id,
    Created: record.created,
    Path: record.args[0] ?? "",
    Args: record.args.slice(1),
    State: {
      Status: container.status,
      Running: state.running,
      Paused: state.paused,
      Restarting: state.restarting,
      OOMKilled: state.oomKilled,
      Dead: state.dead,
      Pid: state.pid,
      ExitCode: state.exitCode,
      Error: state.error,
      StartedAt: state.startedAt,
      FinishedAt: state.finishedAt,
      ...(state.health ? { Health: state.health } : {}),
    },
    Image: record.imageId,
    ResolvConfPath: started ? files.resolv : "",
    HostnamePath: started ? files.hostname : "",
    HostsPath: started ? files.hosts : "",
    LogPath: hasLog ? container.logPath : "",
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: record.snapshotter,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: container.execs.size > 0 ? [...container.execs.keys()] : null,
    HostConfig: { ...record.hostConfig, Links: linkViews(container) },
    GraphDriver: await graphDriver(daemon, container, context),
    ...(size ? await containerSizes(daemon, container, context) : {}),
    Mounts: mountPoints(record),
    Config: configView(record.config),
    NetworkSettings: networkSettings(daemon, container),
  };
}

/** Fields that dockerd leaves out while they are empty. */
const OPTIONAL = [
  "StopSignal",
  "ExposedPorts",
  "Healthcheck",
  "Shell",
  "MacAddress",
  "StopTimeout",
  "ArgsEscaped",
  "NetworkDisabled",
] as const;

function configView(config: ContainerConfig): ContainerConfig {
  const view = { ...config };
  for (const field of OPTIONAL) {
    if (view[field] === null || view[field] === "" || view[field] === false) delete view[field];
  }
  return view;
}
