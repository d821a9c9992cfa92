import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { failure } from "#lib/errors/chain_error.ts";
import { UMOUNT, unmount } from "#lib/linux/mount.ts";
import { Log } from "#lib/log/log.ts";
import { removeAllNetworks } from "#stack/dockerd/main.ts";
import { CatenaRuntime } from "#stack/runc/runtime.ts";
import { findContainers } from "#tools/doctor/discover/find_containers.ts";
import { surveyHost } from "#tools/doctor/discover/find_stacks.ts";
import { collectRuntime } from "#tools/doctor/evidence/collect_runtime.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { readMounts } from "#tools/doctor/host/mount_table.ts";
import { readProcessTable } from "#tools/doctor/host/process_table.ts";
import { lockFolder } from "../daemon_lock.ts";

export interface ResetFlags {
  root: string;
  state: string;
  force?: boolean;
}

/** What every daemon of ours leaves in both of its folders. */
const MARK = "catena.pid";
/** What our boxes put into the two folders. Nothing else is touched: a wrong path must not cost. */
const OWN_NAMES = [
  "containerd",
  "containerd.pid",
  "dockerd",
  "dockershim",
  "kubelet",
  "kubelet.pid",
  "kubelet.token",
  MARK,
  "docker.sock",
  "containerd.sock",
  "containerd.sock.ttrpc",
  "cri.sock",
  "errors",
  "fifo",
  "trace",
  "network",
  "netns",
  "cni",
];

/** Only what looks like a shim's socket is removed: a command line can be anything. */
const SHIM_SOCKET = /^\/run\/containerd\/s\/[0-9a-f]{64}$/;
const GONE_MS = 15_000;
const STEP_MS = 50;

/**
 * `catena system reset`: removes every container of ours, its processes, mounts and cgroups, and
 * all data in the root and state folders. Refused while a daemon holds them.
 */
export async function runSystemReset(flags: ResetFlags): Promise<number> {
  const { root, state } = flags;
  for (const folder of [state, root]) checkOwned(folder);
  if (!flags.force && !(await confirmed(root, state))) return 1;
  const folders = [...new Set([state, root])].filter((path) => existsSync(path));
  const unlocks = folders.map((folder) => lockFolder(folder, MARK));
  try {
    await removeContainers(state);
    await removeAllNetworks(join(root, "dockerd"), state, new Log("cli"));
    await endProcesses(root, state);
    unmountBelow([root, state]);
    for (const folder of folders) {
      for (const name of OWN_NAMES) rmSync(join(folder, name), { recursive: true, force: true });
    }
  } finally {
    for (const unlock of unlocks) unlock();
  }
  return 0;
}

/**
 * Refuses a folder that is not ours: genuine containerd and dockerd use some of our names in /run
 * and /var/lib. Ours bears a daemon's mark, or holds nothing but what our boxes put there.
 */
export function checkOwned(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, MARK))) return;
  const foreign = readdirSync(folder).find((name) => !OWN_NAMES.includes(name));
  if (foreign === undefined) return;
  throw failure({
    layer: "cli",
    op: "reset",
    code: "failed_precondition",
    message: `${folder} is no folder of a catena daemon: it has no ${MARK}, and holds ${foreign}`,
    evidence: [{ kind: "path", value: "not ours", ref: join(folder, foreign) }],
    fix: "give the --state and --root that the daemon was started with",
  });
}

async function confirmed(root: string, state: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    const message = "system reset removes all containers and images; confirm with --force";
    throw failure({ layer: "cli", op: "reset", code: "failed_precondition", message });
  }
  const question = `Remove all containers, images and volumes in ${root} and ${state}? [y/N] `;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(question);
  prompt.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Deletes what the runtime knows: processes, cgroups and the runtime's own state go with it. */
async function removeContainers(state: string): Promise<void> {
  const files = new HostFiles();
  const survey = surveyHost(files, {
    program: [],
    stateDir: state,
    containerdSocket: join(state, "containerd.sock"),
    probe: false,
    readOnly: true,
  });
  for (const stack of survey.stacks) {
    for (const base of [state, join(state, "containerd")]) {
      if (stack.containerd) stack.containerd.stateDir = base;
      for (const container of await findContainers(survey, stack)) {
        if (!container.bundle?.startsWith(`${state}/`)) continue;
        const { root } = collectRuntime(files, container, undefined, undefined);
        if (root === undefined) continue;
        await new CatenaRuntime({ root }).delete(container.id, { force: true });
      }
    }
  }
}

/** Shims and keepers of this state folder, and the sockets that a killed shim leaves elsewhere. */
async function endProcesses(root: string, state: string): Promise<void> {
  const deadline = Date.now() + GONE_MS;
  const sockets = new Set<string>();
  for (;;) {
    const left = ownProcesses(root, state);
    for (const { socket } of left) if (socket) sockets.add(socket);
    if (left.length === 0) break;
    if (Date.now() > deadline) {
      const message = `processes ${left.map(({ pid }) => pid).join(", ")} do not end`;
      throw failure({ layer: "cli", op: "reset", code: "deadline_exceeded", message });
    }
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    await Bun.sleep(STEP_MS);
  }
  for (const socket of sockets) {
    for (const path of [socket, `${socket}.lock`]) rmSync(path, { force: true });
  }
}

interface OwnProcess {
  pid: number;
  /** Where it serves, when it is a shim of ours. */
  socket: string | undefined;
}

function ownProcesses(root: string, state: string): OwnProcess[] {
  const own = (word: string) => word.startsWith(`${state}/`) || word.startsWith(`${root}/`);
  const out: OwnProcess[] = [];
  for (const { pid, argv, state: letter } of readProcessTable(new HostFiles()).values()) {
    const name = basename(argv[0] ?? "");
    if (letter === "Z" || pid === process.pid) continue;
    if (!/^(catena-keeper|catena-warden|containerd-shim-.*)$/.test(name)) continue;
    if (!argv.slice(1).some(own)) continue;
    const socket = argv[argv.indexOf("-socket") + 1];
    out.push({ pid, socket: socket && SHIM_SOCKET.test(socket) ? socket : undefined });
  }
  return out;
}

/** The innermost mount first; lazily, so that a process elsewhere cannot keep one. */
function unmountBelow(folders: string[]): void {
  const points = readMounts(new HostFiles(), "self").map((mount) => mount.point);
  for (const point of points.reverse()) {
    if (folders.some((folder) => point.startsWith(`${folder}/`))) unmount(point, UMOUNT.DETACH);
  }
}
