import { SOCK } from "#lib/linux/descriptor.ts";
import { closeFile, type FileStat, O, openFile, statFile } from "#lib/linux/file.ts";
import { connectUnix } from "#lib/linux/socket.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import { NAMESPACE_FILE } from "../spec/linux_constants.ts";
import type { InitDescriptors } from "../spec/plan_inputs.ts";
import type { NamespaceType } from "../spec/spec_types.ts";

/** Number of descriptors that init itself has: pipe, report, plan. */
const INIT_OWN = 3;

/** Descriptors to be handed to init, with the numbers that it will know them by. */
export class LaunchDescriptors {
  readonly base: number;
  readonly names: InitDescriptors = { namespaces: {} };
  readonly mapping: { fd: number; as: number }[] = [];
  readonly #opened: number[] = [];

  /** `preserve`: how many of ours, from 3 on, the program gets under the same numbers. */
  constructor(preserve: number) {
    this.base = 3 + preserve;
    for (let fd = 3; fd < this.base; fd++) this.mapping.push({ fd, as: fd });
  }

  #give(fd: number, own: boolean): number {
    if (own) this.#opened.push(fd);
    const given = this.mapping.length - (this.base - 3);
    const as = this.base + INIT_OWN + given;
    this.mapping.push({ fd, as });
    return as;
  }

  /** The console socket, by path or as a descriptor that stays the caller's. */
  addConsole(path: string | undefined, fd: number | undefined): void {
    if (fd !== undefined) this.names.console = this.#give(fd, false);
    else if (path !== undefined)
      this.names.console = this.#give(connectUnix(SOCK.STREAM, path), true);
  }

  addNamespace(type: NamespaceType, path: string): void {
    this.names.namespaces[type] = this.#give(openFile(path), true);
  }

  addRoot(path: string): void {
    this.names.root = this.#give(openFile(path, O.PATH | O.DIRECTORY), true);
  }

  /** Closes what was opened here; init has its own copies by then. */
  close(): void {
    for (const fd of this.#opened.splice(0)) closeFile(fd);
  }
}

/** Our own namespaces: this process never enters another, that is for init alone. */
const ownNamespaces = new Map<NamespaceType, FileStat | undefined>();

function ownNamespace(type: NamespaceType): FileStat | undefined {
  if (!ownNamespaces.has(type)) {
    ownNamespaces.set(type, statFile(`/proc/self/ns/${NAMESPACE_FILE[type]}`));
  }
  return ownNamespaces.get(type);
}

/** Whether a namespace file names the namespace that this process is in. */
export function isOwnNamespace(type: NamespaceType, path: string): boolean {
  const own = ownNamespace(type);
  const other = statFile(path);
  return own !== undefined && other !== undefined && own.ino === other.ino && own.dev === other.dev;
}

/**
 * Where a process that was one too many goes: the file to join the outermost folder by, of the
 * hierarchy that counts processes, as far as it is mounted here.
 */
export function pidsEscape({ pidsLevels: levels, pureV2 }: CgroupJoin): string | undefined {
  const name = pureV2 ? "cgroup.procs" : "tasks";
  const outermost = levels.at(-1)?.current;
  if (!outermost) return undefined;
  let folder = parentOf(parentOf(outermost));
  let found: string | undefined;
  for (let step = 0; step < 64 && folder !== ""; step++) {
    if (!statFile(`${folder}/${name}`)) break;
    found = `${folder}/${name}`;
    folder = parentOf(folder);
  }
  return found;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
