import type { ContainerConfig, HostConfig } from "#wire/docker-api/types/container_config.ts";
import type { HealthView, MountPoint } from "#wire/docker-api/types/container_view.ts";
import type { EndpointRecord, SandboxRecord } from "../network/endpoint.ts";
import { ZERO_TIME } from "../wall_clock.ts";

/** A mount as it was resolved when the container was made. */
export interface MountRecord extends MountPoint {
  /** Options of the bind or tmpfs, as the OCI spec takes them. */
  options: string[];
  /** A bind whose source is never made: the start is refused while it is missing (--mount). */
  sourceMustExist?: true;
  /** A volume that was made for this container alone, and goes with it when asked to. */
  anonymous?: boolean;
}

/** The mounts that inspect and ps show: those of `--tmpfs` stand in HostConfig.Tmpfs alone. */
export function mountPoints({ mounts, hostConfig }: ContainerRecord): MountPoint[] {
  const flagged = Object.keys(hostConfig.Tmpfs ?? {});
  return mounts
    .filter((mount) => mount.Type !== "tmpfs" || !flagged.includes(mount.Destination))
    .map(mountPoint);
}

/** A mount as clients see it, without what only this daemon needs. */
function mountPoint(mount: MountRecord): MountPoint {
  const { options: _, anonymous: __, sourceMustExist: ___, ...point } = mount;
  return point;
}

export interface StateRecord {
  running: boolean;
  paused: boolean;
  restarting: boolean;
  dead: boolean;
  oomKilled: boolean;
  pid: number;
  exitCode: number;
  error: string;
  startedAt: string;
  finishedAt: string;
  health?: HealthView;
}

/** What is kept of a container on disk: everything that a daemon needs to take it up again. */
export interface ContainerRecord {
  version: 1;
  id: string;
  name: string;
  created: string;
  /** Program and arguments, entrypoint and command joined. */
  args: string[];
  config: ContainerConfig;
  hostConfig: HostConfig;
  imageId: string;
  snapshotter: string;
  mounts: MountRecord[];
  /** By the network's name, the one of the network mode first. */
  networks?: Record<string, EndpointRecord>;
  /** The network namespace of the present run, or of the last. */
  sandbox?: SandboxRecord;
  /** Name of the runtime in containerd, and the executable behind it where one was named. */
  runtime: { name: string; binary?: string };
  state: StateRecord;
  restartCount: number;
  /**
   * The user stopped it: `unless-stopped` leaves it stopped, `always` until the daemon restarts.
   */
  stoppedByUser: boolean;
}

/** The state of a container that was never started. */
export function newState(): StateRecord {
  return {
    running: false,
    paused: false,
    restarting: false,
    dead: false,
    oomKilled: false,
    pid: 0,
    exitCode: 0,
    error: "",
    startedAt: ZERO_TIME,
    finishedAt: ZERO_TIME,
  };
}
