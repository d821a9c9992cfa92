import { join } from "node:path";
import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { endLeftTask } from "../client/left_task.ts";
import { runtimeOptions, specAny } from "../client/spec_any.ts";
import type { Container } from "../container/container.ts";
import { openLog } from "../container/container_log.ts";
import { launchFailure } from "../container/launch_failure.ts";
import { type Daemon, OWNER_LABEL } from "../daemon.ts";
import { watchHealth } from "../health/health_probe.ts";
import { ProcessIo } from "../io/process_io.ts";
import { checkLinkedRun, linkEnv } from "../network/links.ts";
import { shareHostname, sharing } from "../network/network_mode.ts";
import { openSandbox } from "../network/sandbox.ts";
import { conflict } from "../refusals.ts";
import { makeRootedFolder, readRootedText, withRoot } from "../rootfs/rooted_files.ts";
import { releaseSharedMemory } from "../rootfs/shared_memory.ts";
import { resolveCapabilities } from "../spec/capabilities.ts";
import { parseDeviceRules, privilegedDevices, resolveDevices } from "../spec/devices.ts";
import type { OciSpec } from "../spec/oci_types.ts";
import { buildSpec, containerEnv, type Sharing } from "../spec/spec_build.ts";
import { type ResolvedUser, resolveUser } from "../spec/user_lookup.ts";
import { Unwind } from "../unwind.ts";
import { nowText } from "../wall_clock.ts";
import { addNetworkMounts, addSharedMemory, resolveMount } from "./container_mounts.ts";
import { removeLocked } from "./container_remove.ts";
import { chooseSeccomp, parseSecurityOptions } from "./security_options.ts";

const op = "start container";

/** POST /containers/ID/start. False: it runs already. */
export async function containerStart(
  daemon: Daemon,
  ref: string,
  context: CallContext,
): Promise<boolean> {
  const container = daemon.find(ref);
  return container.lock.run(async () => {
    const { state } = container.record;
    if (state.paused) throw conflict(op, "cannot start a paused container, try unpause instead");
    if (state.running && !state.restarting) return false;
    daemon.clearTimer(`restart ${container.id}`);
    container.record.stoppedByUser = false;
    container.record.restartCount = 0;
    await startLocked(daemon, container, context);
    return true;
  });
}

/** Starts a stopped container. The caller holds its lock. */
export async function startLocked(
  daemon: Daemon,
  container: Container,
  context: CallContext,
): Promise<void> {
  if (container.removing) {
    throw conflict(op, "container is marked for removal and cannot be started");
  }
  const { state } = container.record;
  container.stopRequested = false;
  const unwind = new Unwind();
  try {
    const { pid, startedAt } = await launch(daemon, container, unwind, context);
    Object.assign(state, {
      running: true,
      restarting: false,
      paused: false,
      oomKilled: false,
      pid,
      exitCode: 0,
      error: "",
      startedAt,
    });
    container.save();
  } catch (thrown) {
    await failStart(daemon, container, toChainError(thrown, "dockerd", op), unwind);
  }
  container.announceInput();
  daemon.events.container(container, "start");
  watchHealth(daemon, container);
}

async function failStart(
  daemon: Daemon,
  container: Container,
  error: ChainError,
  unwind: Unwind,
): Promise<never> {
  const { state } = container.record;
  const inner = error.outer.layer !== "dockerd";
  const failure = inner
    ? launchFailure(error, op, "failed to create task for container")
    : { exitCode: 128, error };
  await unwind.run(failure.error);
  Object.assign(state, {
    running: false,
    restarting: false,
    pid: 0,
    exitCode: failure.exitCode,
    error: failure.error.message,
    finishedAt: nowText(),
  });
  container.save();
  container.hub.end();
  container.announceExit();
  if (container.record.hostConfig.AutoRemove) {
    await removeLocked(daemon, container, { volumes: true }).catch((thrown: unknown) => {
      failure.error.cleanup ??= toChainError(thrown, "dockerd", "remove container");
    });
  }
  throw failure.error;
}

/** Everything between a record and a running process. Returns its process id and when it began. */
async function launch(
  daemon: Daemon,
  container: Container,
  unwind: Unwind,
  context: CallContext,
): Promise<{ pid: number; startedAt: string }> {
  const { id, record } = container;
  const call = daemon.call(context);
  const { snapshotter } = record;
  const { mounts } = await daemon.services.snapshots.mounts({ snapshotter, key: id }, call);
  const rootfs = daemon.mounts.mount(id, mounts);
  unwind.add("unmount rootfs", () => daemon.mounts.unmount(id));
  unwind.add("unmount shared memory", () => releaseSharedMemory(container));
  checkLinkedRun(daemon, container);
  daemon.events.volumes(container, "mount");
  unwind.add("tell volumes", () => daemon.events.volumes(container, "unmount"));
  const { filled } = openSandbox(daemon, container, unwind);
  // The runtime sets them when it joins the namespace: their interfaces must be there.
  const settings = Object.keys(record.hostConfig.Sysctls ?? {});
  if (settings.some((name) => name.startsWith("net."))) await filled;
  shareHostname(daemon, container);
  const { spec, user } = prepareSpec(daemon, container, rootfs);
  const binary = record.runtime.binary;
  const runcRoot = join(daemon.options.state, "runtime-runc");
  const isRunc = record.runtime.name === "io.containerd.runc.v2";
  await daemon.services.containers.create(
    {
      container: {
        id,
        labels: { [OWNER_LABEL]: "1" },
        image: "",
        runtime: {
          name: record.runtime.name,
          options: runtimeOptions(
            binary,
            isRunc ? runcRoot : undefined,
            daemon.options.systemdCgroup,
          ),
        },
        spec: specAny("Spec", spec),
        snapshotter,
        snapshotKey: id,
      },
    },
    call,
  );
  unwind.add("delete container", () => daemon.services.containers.delete({ id }, daemon.call()));
  const io = openIo(daemon, container);
  unwind.add("close streams", () => io.close());
  await daemon.services.tasks.create(
    { containerId: id, ...io.paths, terminal: container.tty, rootfs: [] },
    call,
  );
  unwind.add("delete task", () => deleteTask(daemon, id));
  container.task = { io, process: spec.process, user };
  unwind.add("forget task", () => {
    container.task = undefined;
  });
  await filled;
  // Before the first thing that it can write: clients ask for the log from then on.
  const startedAt = nowText();
  const { pid } = await daemon.services.tasks.start({ containerId: id, execId: "" }, call);
  io.releaseHolders();
  return { pid, startedAt };
}

async function deleteTask(daemon: Daemon, id: string): Promise<void> {
  const call = daemon.call();
  try {
    await daemon.services.tasks.delete({ containerId: id }, call);
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "not_found") return;
    // Its start was told to have failed, and yet it runs.
    await endLeftTask(daemon, id);
  }
}

function openIo(daemon: Daemon, container: Container): ProcessIo {
  openLog(container);
  const { log } = container;
  const wanted = { stdin: container.record.config.OpenStdin === true, terminal: container.tty };
  const tap = log ? (stream: 1 | 2, data: Uint8Array) => log.write(stream, data) : undefined;
  return ProcessIo.create(daemon.fifoFolder(container.id), wanted, container.hub, tap);
}

/** Whose network namespace: the one that was made for the container, or as its mode says. */
function networkSharing(daemon: Daemon, container: Container): Sharing {
  const { hostConfig, sandbox, networks } = container.record;
  if (hostConfig.NetworkMode === "host" || !sandbox?.key || networks?.["host"]) {
    return sharing(daemon, hostConfig.NetworkMode, "net");
  }
  return { own: sandbox.key };
}

/** Resolves everything that the spec needs from the container's files and the host. */
function prepareSpec(
  daemon: Daemon,
  container: Container,
  rootfs: string,
): { spec: OciSpec; user: ResolvedUser } {
  const { record, id } = container;
  const { config, hostConfig: host, mounts } = record;
  const { facts } = daemon;
  const user = withRoot(rootfs, (rootFd) => {
    const files = {
      passwd: readRootedText(rootFd, "/etc/passwd"),
      group: readRootedText(rootFd, "/etc/group"),
    };
    const found = resolveUser(config.User ?? "", files, host.GroupAdd ?? []);
    if (config.WorkingDir) makeRootedFolder(rootFd, config.WorkingDir, found.uid, found.gid);
    return found;
  });
  const capabilities = resolveCapabilities(
    host.CapAdd ?? [],
    host.CapDrop ?? [],
    host.Privileged === true,
    facts.capabilities,
  );
  const security = parseSecurityOptions(host.SecurityOpt ?? []);
  const devices = resolveDevices(host.Devices ?? []);
  devices.rules.push(...parseDeviceRules(host.DeviceCgroupRules ?? []));
  if (host.Privileged) {
    const all = privilegedDevices();
    devices.devices.unshift(...all.devices);
    devices.rules = all.rules;
  }
  const ipc = sharing(daemon, host.IpcMode, "ipc");
  const specMounts = [...mounts.map((mount) => resolveMount(daemon, mount))];
  addNetworkMounts(daemon, container, specMounts);
  addSharedMemory(daemon, container, specMounts);
  const spec = buildSpec({
    id,
    config,
    host,
    facts,
    rootfs,
    systemdCgroup: daemon.options.systemdCgroup === true,
    args: record.args,
    env: containerEnv(config, user.home, linkEnv(daemon, container)),
    user,
    capabilities,
    noNewPrivileges: security.noNewPrivileges,
    apparmorProfile: security.apparmorProfile,
    seccomp: chooseSeccomp(security, host.Privileged === true, capabilities, facts.kernel),
    devices,
    mounts: specMounts,
    network: networkSharing(daemon, container),
    ipc,
    pid: sharing(daemon, host.PidMode, "pid"),
    initPath: host.Init && host.PidMode !== "host" ? daemon.initPath : undefined,
  });
  return { spec, user };
}
