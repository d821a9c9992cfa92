import { join } from "node:path";
import type { FoundContainer } from "../discover/find_containers.ts";
import type { Survey } from "../discover/find_stacks.ts";
import type { ShimFacts } from "../facts.ts";
import type { CgroupMounts } from "../host/cgroup_tree.ts";
import { findSocketOwner } from "../host/unix_sockets.ts";
import { collectDaemon } from "./collect_daemon.ts";
import { environmentValue } from "./collect_runtime.ts";

/**
 * The shim that holds a container: found by its command line, or by who listens on the address in
 * the bundle (one shim may hold many containers). Undefined when there is neither bundle nor shim.
 */
export function collectShim(
  survey: Survey,
  cgroups: CgroupMounts,
  container: FoundContainer,
): ShimFacts | undefined {
  const address = container.bundle
    ? survey.files.read(join(container.bundle, "address"), 4096)?.trim()
    : undefined;
  const socket = address?.replace(/^unix:\/\//, "");
  // A flag may name another containerd than the one that this container's shim answers to.
  const own = [...container.stack.shims, ...survey.daemons.shims, ...survey.daemons.monitors].find(
    (shim) => shim.id === container.id && shim.namespace === container.namespace,
  );
  const pid = own?.pid ?? ownerOfSocket(survey, container, socket);
  if (pid === undefined && !container.bundle) return undefined;
  const key = `${pid} ${socket}`;
  const known = survey.shims.get(key) ?? collectDaemon(survey, cgroups, pid, socket);
  survey.shims.set(key, known);
  const facts: ShimFacts = { ...known };
  if (container.bundle) facts.bundle = container.bundle;
  const binary = own?.binary ?? survey.files.read(shimPathFile(container), 4096)?.trim();
  if (binary) facts.binary = binary;
  if (facts.pid !== undefined) {
    const startedMs = startOf(survey, facts.pid);
    if (startedMs !== undefined) facts.startedMs = startedMs;
  }
  if (facts.pid !== undefined && facts.state !== "D") {
    const { files } = survey;
    const folder =
      environmentValue(files, facts.pid, "XDG_RUNTIME_DIR") ||
      environmentValue(files, facts.pid, "TMPDIR") ||
      "/tmp";
    // The shim may live in a mount namespace of its own.
    const fill = files.fill(`/proc/${facts.pid}/root${folder}`);
    if (fill) facts.temporary = { path: folder, fill };
  }
  return facts;
}

/** /proc counts starts in hundredths of a second since the boot. */
const TICKS_PER_SECOND = 100;

function startOf({ files, processes }: Survey, pid: number): number | undefined {
  const ticks = processes.get(pid)?.startTicks;
  const uptime = Number(files.read("/proc/uptime", 64)?.split(" ")[0] || Number.NaN);
  if (ticks === undefined || Number.isNaN(uptime)) return undefined;
  return Date.now() - (uptime - ticks / TICKS_PER_SECOND) * 1000;
}

function shimPathFile(container: FoundContainer): string {
  return join(container.bundle ?? "/nonexistent", "shim-binary-path");
}

function ownerOfSocket(
  survey: Survey,
  container: FoundContainer,
  socket: string | undefined,
): number | undefined {
  const inode = socket === undefined ? undefined : survey.listening.get(socket);
  if (inode === undefined) return undefined;
  if (survey.owners.has(inode)) return survey.owners.get(inode);
  const shims = container.stack.shims.map((shim) => shim.pid);
  const owner =
    findSocketOwner(survey.files, shims, inode) ??
    findSocketOwner(survey.files, survey.processes.keys(), inode);
  survey.owners.set(inode, owner);
  return owner;
}
