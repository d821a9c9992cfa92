import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import { spawnFailed } from "#lib/errors/spawn_cause.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { libexecPath } from "#lib/install/install_paths.ts";
import { F, fcntl, SOCK, socketpair } from "#lib/linux/descriptor.ts";
import { sealedCopy } from "#lib/linux/process.ts";
import { connectUnix } from "#lib/linux/socket.ts";
import type { LaunchedProcess, LaunchRequest, ProcessLauncher } from "#wire/oci-runtime/runtime.ts";
import { keeperFailed } from "./keeper_cause.ts";
import { KeeperConnection, type KeeperEvents } from "./keeper_connection.ts";
import {
  decodeRecord,
  ENTRY_STATE,
  encodeSpawn,
  type KeptProcess,
  numbers,
  RECORD_BYTES,
} from "./keeper_protocol.ts";

/** A runtime names its process a moment before the process's parent is gone. */
const ADOPT_TRIES = 500;
const ADOPT_PAUSE_MS = 4;

/** The keeper's executable as it was when this process first asked for it; sealed. */
let keeperImage: number | undefined;

/**
 * Takes the keeper's executable into memory. A shim does so when it starts: an installation that is
 * replaced under it must not give it keepers that speak another protocol than it does.
 */
export function loadKeeper(): number {
  keeperImage ??= sealedCopy("catena-keeper", libexecPath("catena-keeper"));
  return keeperImage;
}

/** One container's keeper, started or found again by its folder. */
export class Keeper {
  readonly folder: string;
  readonly pid: number;
  readonly #connection: KeeperConnection;
  readonly #realFolder: string;

  private constructor(folder: string, pid: number, connection: KeeperConnection) {
    this.folder = folder;
    this.pid = pid;
    this.#connection = connection;
    this.#realFolder = realpathSync(folder);
  }

  /** Starts a keeper in `folder`, which is created. It outlives us. */
  static async start(folder: string, events: KeeperEvents): Promise<Keeper> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const [ours, its] = socketpair(SOCK.SEQPACKET);
    try {
      const executable = `/proc/${process.pid}/fd/${loadKeeper()}`;
      const child = Bun.spawn([executable, folder], {
        argv0: libexecPath("catena-keeper"),
        stdio: ["ignore", "ignore", "ignore", its],
        env: childEnv(),
        cwd: "/",
      });
      child.unref();
      writeFileSync(join(folder, "pid"), String(child.pid), { mode: 0o600 });
      return await Keeper.#over(ours, folder, events);
    } catch (thrown) {
      const error = spawnFailed(thrown, "shim", "start keeper");
      throw error.wrap({
        layer: "shim",
        op: "start keeper",
        code: error.causeId === undefined ? "internal" : error.outer.code,
        message: "failed to start the container's keeper",
      });
    } finally {
      closeSync(its);
    }
  }

  /** Connects to the keeper that a former shim started in `folder`. */
  static async reconnect(folder: string, events: KeeperEvents): Promise<Keeper> {
    try {
      return await Keeper.#over(
        connectUnix(SOCK.SEQPACKET, keeperPath(folder, "keeper")),
        folder,
        events,
      );
    } catch (thrown) {
      throw toChainError(thrown, "shim", "reconnect keeper").wrap({
        layer: "shim",
        op: "reconnect keeper",
        code: "unavailable",
        message: "the container's keeper does not answer",
        evidence: [{ kind: "path", value: "keeper folder", ref: folder }],
      });
    }
  }

  static async #over(fd: number, folder: string, events: KeeperEvents): Promise<Keeper> {
    fcntl(fd, F.SETFL, constants.O_NONBLOCK);
    const connection = await KeeperConnection.over(fd, events);
    const pid = await connection.call("HELLO", 0);
    return new Keeper(folder, pid, connection);
  }

  /** Whether the keeper's process lives: when it does, a newer shim has taken it over. */
  get alive(): boolean {
    try {
      return readlinkSync(`/proc/${this.pid}/cwd`) === this.#realFolder;
    } catch {
      return false;
    }
  }

  get lost(): boolean {
    return this.#connection.closed;
  }

  /** Hands over a process's streams: pairs of role and descriptor. Closes ours in any case. */
  async open(token: number, streams: readonly (readonly [number, number])[]): Promise<void> {
    const fds = streams.map(([, fd]) => fd);
    const roles = Uint8Array.from(streams, ([role]) => role);
    const opened = this.#ask("OPEN", token, roles, fds);
    // Sent is sent: the descriptors travel with the message.
    for (const fd of fds) closeSync(fd);
    await opened;
  }

  /** One request of a start; its failure says why, where that can be seen. */
  async #ask(...request: Parameters<KeeperConnection["call"]>): Promise<number> {
    try {
      return await this.#connection.call(...request);
    } catch (thrown) {
      throw keeperFailed(thrown, this.pid);
    }
  }

  /** Starts executables for `token`; their stdio is what `open` gave it. */
  launcher(token: number): ProcessLauncher {
    return { spawn: (request) => this.#spawn(token, request) };
  }

  async #spawn(token: number, request: LaunchRequest): Promise<LaunchedProcess> {
    const { stdio, executableFd } = request;
    const fds = request.fds.map(({ fd }) => fd);
    if (stdio) fds.unshift(stdio.stdin, stdio.stdout, stdio.stderr);
    if (executableFd !== undefined) fds.unshift(executableFd);
    const payload = encodeSpawn({
      executable: request.executable,
      cwd: request.cwd ?? "",
      argv: request.argv,
      env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`),
      targets: request.fds.map((item) => item.as),
      execFd: executableFd !== undefined,
      stdio: stdio !== undefined,
    });
    const pid = await this.#ask("SPAWN", token, payload, fds);
    const exited = this.#connection.helperExit(pid).then((helper) => {
      const code = helper.status;
      return code > 128 ? { code, signal: code - 128 } : { code };
    });
    return { pid, exited };
  }

  /** Says which process `token` is; from now on its exit is kept. */
  async adopt(token: number, pid: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#connection.call("ADOPT", token, numbers(pid));
        return;
      } catch (thrown) {
        const notYet = errnoOf(thrown) === "ECHILD";
        if (!notYet || attempt === ADOPT_TRIES) throw thrown;
        await Bun.sleep(ADOPT_PAUSE_MS);
      }
    }
  }

  /** Lets a terminal's master come; returns the path that a runtime connects to. */
  async console(token: number): Promise<string> {
    await this.#connection.call("CONSOLE", token);
    return `/proc/${this.pid}/cwd/console-${token}`;
  }

  async resize(token: number, columns: number, rows: number): Promise<void> {
    const word = ((columns & 0xffff) | ((rows & 0xffff) << 16)) >>> 0;
    await this.#connection.call("RESIZE", token, numbers(word));
  }

  async closeStdin(token: number): Promise<void> {
    await this.#connection.call("CLOSE_STDIN", token);
  }

  async signal(token: number, signal: number): Promise<void> {
    await this.#connection.call("SIGNAL", token, numbers(signal));
  }

  /** Closes all that is held for a process that has exited or was never started. */
  async forget(token: number): Promise<void> {
    await this.#connection.call("FORGET", token);
  }

  /** Ends the keeper. Refused while processes of the container run. */
  async quit(): Promise<void> {
    this.#connection.expectEnd();
    await this.#connection.call("QUIT", 0);
    this.#connection.close();
  }
}

/** A short path to a file in the keeper's folder, whatever the folder's own length. */
function keeperPath(folder: string, name: string): string {
  const pid = readFileSync(join(folder, "pid"), "utf8");
  return `/proc/${pid}/cwd/${name}`;
}

/** Whether the keeper that was started in `folder` still runs. */
export function keeperLives(folder: string): boolean {
  return existsSync(join(folder, "pid")) && existsSync(keeperPath(folder, "keeper"));
}

/** The errno that a keeper refused with. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof ChainError)) return undefined;
  return thrown.root.evidence.find(({ kind }) => kind === "errno")?.value;
}

/** Reads what a keeper wrote: every process that runs or has exited, by token. */
export function readLedger(folder: string): Map<number, KeptProcess> {
  const path = join(folder, "ledger");
  const out = new Map<number, KeptProcess>();
  if (!existsSync(path)) return out;
  const bytes = readFileSync(path);
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const record = decodeRecord(bytes, at);
    if (record.state !== ENTRY_STATE.FREE) out.set(record.token, record);
  }
  return out;
}
