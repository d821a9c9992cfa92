import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Mount } from "#gen/wire/containerd-api/proto/types/mount_pb.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type {
  ContainerConfig,
  ContainerCreateBody,
  HostConfig,
} from "#wire/docker-api/types/container_config.ts";
import type { ContainerCreated } from "#wire/docker-api/types/container_view.ts";
import { applyDefaults } from "../config/container_defaults.ts";
import { Container } from "../container/container.ts";
import { newState } from "../container/container_record.ts";
import { commandOf, mergeImageDefaults } from "../container/image_defaults.ts";
import type { Daemon } from "../daemon.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { ensureInitLayer } from "../images/init_layer.ts";
import { endpointsOf } from "../network/endpoint_wish.ts";
import { checkLinks } from "../network/links.ts";
import { checkNetworkMode } from "../network/network_mode.ts";
import { invalid, missingSource } from "../refusals.ts";
import { withRoot } from "../rootfs/rooted_files.ts";
import { parseSignal } from "../signals.ts";
import { resolveCapabilities } from "../spec/capabilities.ts";
import { parseSeccompProfile } from "../spec/seccomp_profile.ts";
import { MASKED_PATHS, READONLY_PATHS } from "../spec/spec_build.ts";
import { Unwind } from "../unwind.ts";
import { copyUp } from "../volumes/copy_up.ts";
import { type WantedMount, wantedMounts } from "../volumes/mount_request.ts";
import { nowText } from "../wall_clock.ts";
import { donorOf, inheritedMounts, mountRecord } from "./container_volumes.ts";
import { checkHostConfig } from "./host_config_check.ts";
import { parseSecurityOptions } from "./security_options.ts";

const op = "create container";

interface CreateRequest {
  name: string;
  platform: string;
  body: ContainerCreateBody;
}

/** POST /containers/create: checks everything, then makes the snapshot, the volumes, the record. */
export async function containerCreate(
  daemon: Daemon,
  request: CreateRequest,
  context: CallContext,
): Promise<ContainerCreated> {
  const call = daemon.call(context);
  const { HostConfig: givenHost, NetworkingConfig: networking, ...given } = request.body;
  if (!given.Image) throw invalid(op, "no image specified");
  const image = await daemon.images.find(given.Image, call);
  const id = randomBytes(32).toString("hex");
  const config = completeConfig(mergeImageDefaults(given, image.config), givenHost ?? {}, id);
  const host = completeHost(givenHost ?? {}, daemon);
  const args = commandOf(config);
  const warnings = checkAll(daemon, config, host);
  warnings.push(...checkNetworkMode(daemon, host));
  const networks = endpointsOf(daemon.networks.store, host, networking ?? {}, config);
  checkLinks(daemon, host.Links ?? []);
  for (const mode of [host.PidMode, host.IpcMode]) {
    if (mode?.startsWith("container:")) donorOf(daemon, mode.slice("container:".length));
  }
  const inherited = inheritedMounts(daemon, host.VolumesFrom ?? []);
  const wanted = wantedMounts(host, Object.keys(config.Volumes ?? {}), inherited);
  checkSources(wanted);
  const name = daemon.containers.reserve(request.name, id);
  const runtime = daemon.runtimeOf(host.Runtime)!;
  const container = new Container(join(daemon.containers.folder, id), {
    version: 1,
    id,
    name,
    created: nowText(),
    args,
    config,
    hostConfig: host,
    imageId: image.id,
    snapshotter: daemon.images.snapshotter,
    mounts: [],
    networks,
    runtime: { name: runtime.shim, ...(runtime.binary ? { binary: runtime.binary } : {}) },
    state: newState(),
    restartCount: 0,
    stoppedByUser: false,
  });
  const unwind = new Unwind();
  unwind.add("release name", () => daemon.containers.release(name));
  try {
    await build(daemon, container, image, wanted, unwind, call);
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", op);
    await unwind.run(error);
    throw error;
  }
  daemon.containers.add(container);
  daemon.events.container(container, "create");
  return { Id: id, Warnings: warnings };
}

function completeConfig(config: ContainerConfig, host: HostConfig, id: string): ContainerConfig {
  if (!config.Hostname && host.UTSMode !== "host" && !host.NetworkMode?.startsWith("container:")) {
    config.Hostname = host.NetworkMode === "host" ? hostname() : id.slice(0, 12);
  }
  if (config.WorkingDir && !config.WorkingDir.startsWith("/")) {
    throw invalid(
      op,
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  if (config.StopSignal) parseSignal(config.StopSignal);
  if ((config.StopTimeout ?? 0) < -1) throw invalid(op, "invalid stop timeout");
  for (const entry of config.Env ?? []) {
    if (entry === "" || entry.startsWith("=")) {
      throw invalid(op, `invalid environment variable: ${entry}`);
    }
    if (entry.includes("\0"))
      throw invalid(op, "invalid environment variable: it holds a null byte");
  }
  for (const arg of [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]) {
    if (arg.includes("\0")) throw invalid(op, "invalid command: it holds a null byte");
  }
  return config;
}

/** What inspect shows for fields that were left open: dockerd's defaults. */
function completeHost(given: HostConfig, daemon: Daemon): HostConfig {
  const host: HostConfig = { ...given };
  host.NetworkMode ||= "default";
  const shared = host.NetworkMode.match(/^container:(.+)$/)?.[1];
  // A rename of the other must not change whom this one joins.
  if (shared && daemon.containers.has(shared)) {
    host.NetworkMode = `container:${daemon.find(shared).id}`;
  }
  applyDefaults(host, daemon.options.defaults ?? {});
  host.CgroupnsMode ||= daemon.facts.pureCgroupV2 ? "private" : "host";
  host.Runtime ||= daemon.defaultRuntime;
  host.RestartPolicy = {
    Name: given.RestartPolicy?.Name || "no",
    MaximumRetryCount: given.RestartPolicy?.MaximumRetryCount ?? 0,
  };
  if (host.MemorySwappiness === -1) host.MemorySwappiness = null;
  host.MaskedPaths ??= host.Privileged ? null : MASKED_PATHS;
  host.ReadonlyPaths ??= host.Privileged ? null : READONLY_PATHS;
  if (host.PidsLimit === 0 || (host.PidsLimit ?? 1) < 0) host.PidsLimit = null;
  if (host.Memory && !host.MemorySwap) host.MemorySwap = host.Memory * 2;
  return host;
}

function checkAll(daemon: Daemon, config: ContainerConfig, host: HostConfig): string[] {
  const warnings = checkHostConfig(host, daemon);
  const { facts } = daemon;
  const capabilities = resolveCapabilities(
    host.CapAdd ?? [],
    host.CapDrop ?? [],
    host.Privileged === true,
    facts.capabilities,
  );
  const { seccomp } = parseSecurityOptions(host.SecurityOpt ?? []);
  if (seccomp && seccomp !== "unconfined" && seccomp !== "builtin") {
    parseSeccompProfile(seccomp, capabilities, facts.kernel);
  }
  const { Interval, Timeout, Retries, StartPeriod } = config.Healthcheck ?? {};
  for (const [field, value] of Object.entries({ Interval, Timeout, StartPeriod })) {
    if (value && value < 1_000_000) {
      throw invalid(op, `${field} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((Retries ?? 0) < 0) throw invalid(op, "Retries in Healthcheck cannot be negative");
  return warnings;
}

/** --mount refuses a missing source, before anything is made too; -v makes it at the start. */
function checkSources(wanted: readonly WantedMount[]): void {
  for (const mount of wanted) {
    if (mount.type !== "bind" || mount.createSource || existsSync(mount.source)) continue;
    throw missingSource(op, mount.source);
  }
}

async function build(
  daemon: Daemon,
  container: Container,
  image: LoadedImage,
  wanted: WantedMount[],
  unwind: Unwind,
  call: CallContext,
): Promise<void> {
  const { id } = container;
  const parent = await ensureInitLayer(daemon, image, call);
  const { snapshotter } = daemon.images;
  // Nothing in containerd refers to the snapshot while the container is stopped: it is a root
  // itself.
  const labels = { "containerd.io/gc.root": container.record.created };
  const { mounts } = await daemon.services.snapshots.prepare(
    { snapshotter, key: id, parent, labels },
    call,
  );
  unwind.add("remove snapshot", () =>
    daemon.services.snapshots.remove({ snapshotter, key: id }, call),
  );
  container.makeFolder();
  unwind.add("remove folder", () => rmSync(container.folder, { recursive: true, force: true }));
  resolveMounts(daemon, container, wanted, mounts, unwind);
  container.save();
}

/** Makes volumes, fills new ones from the image, and writes the mounts into the record. */
function resolveMounts(
  daemon: Daemon,
  container: Container,
  wanted: WantedMount[],
  mounts: Mount[],
  unwind: Unwind,
): void {
  const fill: { place: string; volume: string }[] = [];
  for (const want of wanted) {
    const record = mountRecord(daemon, want, unwind);
    container.record.mounts.push(record);
    if (want.type === "volume" && want.copyUp && !want.subpath) {
      fill.push({ place: want.destination, volume: record.Source });
    }
  }
  if (fill.length === 0) return;
  const { id } = container;
  const rootfs = daemon.mounts.mount(id, mounts, true);
  try {
    withRoot(rootfs, (rootFd) => {
      for (const { place, volume } of fill) copyUp(rootFd, place, volume);
    });
  } finally {
    daemon.mounts.unmount(id);
  }
}
