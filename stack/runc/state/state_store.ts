import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { flock, LOCK } from "#lib/linux/descriptor.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import {
  changeMode,
  changeOwner,
  closeFile,
  errnoOf,
  listFolder,
  makeFolder,
  makeFolders,
  O,
  openFile,
  readTextIfAny,
  removeTree,
  statFile,
  writeTextAtomically,
} from "#lib/linux/file.ts";
import { makeNode } from "#lib/linux/mount.ts";
import { checkContainerId } from "./container_id.ts";
import { type ContainerState, STATE_SCHEMA } from "./container_state.ts";

const STATE_FILE = "state.json";
/**
 * The FIFO on which a created container's process waits for `start`; its presence means "created".
 */
export const EXEC_FIFO = "exec.fifo";
/** Anyone may write, the owner alone may read: runc's mode. */
const FIFO_MODE = 0o622;
const S_IFIFO = 0o010000;
const LOCK_FILE = "catena.lock";

/** The containers below one `--root`. */
export class StateStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The folder of a container. Refuses what is no id. */
  folder(id: string): string {
    checkContainerId(id);
    return `${this.root}/${id}`;
  }

  /** The file that a container's state is kept in. Refuses what is no id. */
  stateFile(id: string): string {
    return `${this.folder(id)}/${STATE_FILE}`;
  }

  /** Makes a new container's folder. Refuses an id that is taken. */
  createFolder(id: string): string {
    const folder = this.folder(id);
    try {
      makeFolders(this.root, 0o700);
      makeFolder(folder, 0o711);
      changeOwner(folder, process.geteuid!(), process.getegid!());
      return folder;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw toChainError(error, "runc", "create state folder");
      throw failure({
        layer: "runc",
        op: "create state folder",
        code: "already_exists",
        message: "container with given ID already exists",
        evidence: [{ kind: "path", value: "state folder exists", ref: folder }],
      });
    }
  }

  /** Reads a container's state, whichever runtime wrote it. */
  load(id: string): ContainerState {
    const path = this.stateFile(id);
    let text: string | undefined;
    try {
      text = readTextIfAny(path);
    } catch (error) {
      throw toChainError(error, "runc", "load state");
    }
    if (text === undefined) throw notExist(id, this.root);
    let state: ContainerState;
    try {
      state = JSON.parse(text) as ContainerState;
    } catch (error) {
      throw unreadable(path, (error as Error).message);
    }
    if (typeof state?.id !== "string" || typeof state.config !== "object" || !state.config) {
      throw unreadable(path, "it lacks id or config");
    }
    if ((state.catena?.schema ?? 0) > STATE_SCHEMA) {
      throw unreadable(path, `its schema ${state.catena?.schema} is newer than ${STATE_SCHEMA}`);
    }
    state.cgroup_paths ??= {};
    return state;
  }

  save(state: ContainerState): void {
    const path = this.stateFile(state.id);
    try {
      writeTextAtomically(path, JSON.stringify(state));
    } catch (error) {
      throw unwritable(error, path);
    }
  }

  /** Removes all that is kept of a container. */
  remove(id: string): void {
    removeTree(this.folder(id));
  }

  /** Ids of the folders below the root, sorted. */
  list(): string[] {
    return listFolder(this.root)
      .filter(({ isFolder }) => isFolder)
      .map(({ name }) => name);
  }

  /**
   * Makes the FIFO of a container about to be created. Its process, which may be another user of
   * the host then (`uid`, `gid`), opens it for writing.
   */
  makeFifo(id: string, uid: number, gid: number): void {
    const path = `${this.folder(id)}/${EXEC_FIFO}`;
    makeNode(path, S_IFIFO | FIFO_MODE, 0, 0);
    changeMode(path, FIFO_MODE);
    changeOwner(path, uid, gid);
  }

  /** True while the container waits for `start`. */
  hasFifo(id: string): boolean {
    return statFile(`${this.folder(id)}/${EXEC_FIFO}`) !== undefined;
  }

  /**
   * Runs work on a container while no other command of ours changes its state. The lock file lies
   * in the state folder, so it goes with it; a folder that is gone needs no lock.
   */
  async locked<T>(id: string, work: () => T | Promise<T>): Promise<T> {
    let fd: number;
    try {
      fd = openFile(`${this.folder(id)}/${LOCK_FILE}`, O.RDWR | O.CREAT | O.NOFOLLOW, 0o600);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") throw notExist(id, this.root);
      throw toChainError(error, "runc", "lock state");
    }
    try {
      flock(fd, LOCK.EX);
      return await work();
    } finally {
      closeFile(fd);
    }
  }
}

/** A state that could not be written, in the words that genuine runc has for it. */
function unwritable(error: unknown, path: string) {
  const errno = errnoOf(error);
  if (errno === undefined) return toChainError(error, "runc", "save state");
  return failure({
    layer: "runc",
    op: "save state",
    code: errno === "ENOSPC" || errno === "EDQUOT" ? "resource_exhausted" : "internal",
    message: `write ${path}: ${errnoText(errno)}`,
    evidence: [{ kind: "errno", value: errno, ref: path }],
    ...(errno === "ENOSPC"
      ? { fix: `free blocks or inodes of that file system: df -h ${path}; df -i ${path}` }
      : {}),
  });
}

function notExist(id: string, root: string) {
  return failure({
    layer: "runc",
    op: "load state",
    code: "not_found",
    message: "container does not exist",
    causeId: "state-missing",
    cause: `the runtime keeps no state of this container in ${root}`,
    fix: "if the container runs, restart it, and keep cleaners out of that folder",
    evidence: [{ kind: "path", value: "no state.json", ref: `${root}/${id}` }],
  });
}

function unreadable(path: string, why: string) {
  return failure({
    layer: "runc",
    op: "load state",
    code: "data_loss",
    message: `unable to read ${path}: ${why}`,
    causeId: "state-damaged",
    cause: `${path} cannot be read as the runtime's state`,
    fix: "restart the container, and find what wrote there: a full disk, a crash, another program",
    evidence: [{ kind: "path", value: why, ref: path }],
  });
}
