import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { removeCgroupsOf, thawCgroupsOf } from "./cgroup_tree.ts";
import { mountsBelow, unmountBelow } from "./mount_table.ts";
import { processesOf, readProcess } from "./process_table.ts";
import { waitUntil } from "./wait_until.ts";

const PREFIX = "catest-";
const SHIM_SOCKETS = /\/run\/containerd\/s\/[0-9a-f]{64}/g;
const UNSIGNED_MS = 60_000;

/**
 * One private folder under which a test keeps everything that it starts: sockets, daemons' roots,
 * bundles. Its name is also the name of its cgroups and containerd namespaces, so that whatever
 * belongs to the test is recognised, and removed, by that name alone.
 */
export class Sandbox {
  readonly folder: string;
  /** The folder's own name: unique on this host, valid as a cgroup and as a namespace. */
  readonly tag: string;
  readonly #closers: (() => Promise<void> | void)[] = [];

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), PREFIX));
    this.tag = basename(this.folder).toLowerCase();
    writeFileSync(join(this.folder, "owner"), String(process.pid));
  }

  /** A path below the folder; its parent folder exists afterwards. */
  path(...names: string[]): string {
    const path = join(this.folder, ...names);
    mkdirSync(join(path, ".."), { recursive: true });
    return path;
  }

  /** Registers work for `close`; the latest is done first. */
  onClose(work: () => Promise<void> | void): void {
    this.#closers.push(work);
  }

  /**
   * Ends what the test started and removes every trace of it, also after a failure half-way.
   * Rejects when something could not be removed.
   */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const work of this.#closers.splice(0).reverse()) {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    }
    await removeTraces(this.folder, this.tag);
    if (failures.length > 0) throw new AggregateError(failures, "the sandbox did not close");
  }
}

async function removeTraces(folder: string, tag: string): Promise<void> {
  const sockets = shimSockets(folder, tag);
  thawCgroupsOf(tag);
  await waitUntil(`the processes of ${folder} are gone`, () => {
    const left = processesOf(folder, tag);
    for (const { pid } of left) kill(pid);
    return left.length === 0;
  });
  await waitUntil(`the mounts below ${folder} are gone`, () => {
    unmountBelow(folder);
    return mountsBelow(folder).length === 0;
  });
  await waitUntil(`the cgroups of ${tag} are gone`, () => removeCgroupsOf(tag).length === 0);
  for (const socket of sockets) {
    for (const path of [socket, `${socket}.lock`]) rmSync(path, { force: true });
  }
  rmSync(join("/run/containerd/runc", tag), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

/** Shims of all kinds keep their sockets in one folder of the host; a killed one leaves its own. */
function shimSockets(folder: string, tag: string): Set<string> {
  const commands = processesOf(folder, tag).map(({ command }) => command);
  const bundles = new Bun.Glob("**/io.containerd.runtime.v2.task/*/*/address");
  const addresses = [...bundles.scanSync({ cwd: folder, absolute: true, dot: true })].map((path) =>
    readFileSync(path, "utf8"),
  );
  const found = [...commands, ...addresses].flatMap((text) => text.match(SHIM_SOCKETS) ?? []);
  return new Set(found);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** Removes the sandboxes of test processes that were killed before they could close them. */
export async function sweepSandboxes(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    if (ownerLives(folder)) continue;
    await removeTraces(folder, name.toLowerCase());
  }
}

function ownerLives(folder: string): boolean {
  try {
    const owner = readProcess(Number(readFileSync(join(folder, "owner"), "utf8")));
    return owner?.command.includes("bun") ?? false;
  } catch {
    return isYoung(folder);
  }
}

/** A folder without a signature was made this moment, or its maker died in that moment. */
function isYoung(folder: string): boolean {
  try {
    return Date.now() - statSync(folder).mtimeMs < UNSIGNED_MS;
  } catch {
    return true;
  }
}
