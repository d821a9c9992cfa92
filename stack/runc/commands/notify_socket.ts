import { POLL, poll } from "#lib/linux/descriptor.ts";
import { closeFile, makeFolder, statFile } from "#lib/linux/file.ts";
import { notifyForward, notifyListen } from "#lib/linux/notify.ts";
import type { Spec } from "../spec/spec_types.ts";

/** Where a container finds the socket: runc's place for it. */
const INSIDE = "/run/notify";
const SOCKET = "notify.sock";
/** How often we look whether the container still lives while it does not get ready. */
const LOOK_EVERY_MS = 100;

/**
 * sd_notify through a container's border: its program reports to a socket in the state folder,
 * which is mounted into it, and the runtime passes READY on to the service manager.
 */
export class NotifySocket {
  readonly #folder: string;
  readonly host: string;
  #fd = -1;

  private constructor(stateFolder: string, host: string) {
    this.#folder = `${stateFolder}/notify`;
    this.host = host;
  }

  /** Undefined unless a service manager waits for notifications (NOTIFY_SOCKET). */
  static ofEnvironment(
    stateFolder: string,
    env: NodeJS.ProcessEnv = process.env,
  ): NotifySocket | undefined {
    const host = env["NOTIFY_SOCKET"];
    return host ? new NotifySocket(stateFolder, host) : undefined;
  }

  /** Mounts the socket's folder into the container and names it to the program. */
  adapt(spec: Spec): void {
    spec.mounts = [
      ...(spec.mounts ?? []),
      {
        destination: INSIDE,
        source: this.#folder,
        options: ["bind", "nosuid", "noexec", "nodev", "ro"],
      },
    ];
    const process = spec.process!;
    process.env = [...(process.env ?? []), `NOTIFY_SOCKET=${INSIDE}/${SOCKET}`];
  }

  /** Makes the folder that is mounted; part of creation. */
  makeFolder(): void {
    makeFolder(this.#folder, 0o755);
  }

  /** Opens the socket; part of start. */
  listen(): void {
    this.#fd = notifyListen(`${this.#folder}/${SOCKET}`);
  }

  /** What a foreground wait needs in order to pass READY on. */
  get target(): { fd: number; host: string } {
    return { fd: this.#fd, host: this.host };
  }

  /** Waits until the program is ready, or gone. */
  waitReady(pid: number): void {
    while (statFile(`/proc/${pid}`)) {
      const [events] = poll([this.#fd, POLL.IN], LOOK_EVERY_MS);
      if (events && notifyForward(this.#fd, this.host, pid)) return;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeFile(this.#fd);
    this.#fd = -1;
  }
}
