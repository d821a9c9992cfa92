import type { MessageBus } from "@jellybrick/dbus-next";
import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import type { UnitProperty } from "./unit_property.ts";

/** How long systemd may take for one answer, and for one job. */
const CALL_LIMIT_MS = 25_000;
const JOB_LIMIT_MS = 30_000;

const NAME = "org.freedesktop.systemd1";
const MANAGER = { destination: NAME, path: "/org/freedesktop/systemd1" };

/** Raised for an answer of systemd's that is an error: `name` is its D-Bus name. */
export class SystemdRefusal extends Error {
  constructor(
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

/** Who asks which systemd. */
export interface SystemdCaller {
  /** The calling user's own systemd rather than the host's. */
  user: boolean;
  /** The link that asks, for errors. */
  layer: Layer;
  /** The flag without which no systemd is needed, for errors. */
  flag: string;
}

type Library = typeof import("@jellybrick/dbus-next");

/** A connection to one systemd: the host's, or the calling user's. Loads the D-Bus library. */
export class SystemdBus {
  readonly #bus: MessageBus;
  readonly #caller: SystemdCaller;
  readonly #library: Library;
  /** Rejects when the connection fails, which a call in flight would not notice. */
  readonly #broken: Promise<never>;
  /** Results of jobs that ended, by their object path: they may end before their call returns. */
  readonly #ended = new Map<string, string>();
  #jobEnded: (() => void) | undefined;

  private constructor(caller: SystemdCaller, library: Library) {
    this.#library = library;
    this.#caller = caller;
    this.#bus = caller.user
      ? this.#library.sessionBus({ busAddress: userBusAddress() })
      : this.#library.systemBus();
    const { promise, reject } = Promise.withResolvers<never>();
    this.#broken = promise;
    promise.catch(() => {});
    this.#bus.on("error", (error: unknown) => reject(unreachable(caller, error)));
    this.#bus.on("message", (message) => {
      if (message.member !== "JobRemoved" || message.interface !== `${NAME}.Manager`) return;
      const [, job, , result] = message.body as [number, string, string, string];
      this.#ended.set(job, result);
      this.#jobEnded?.();
    });
  }

  /** Connects, lets `work` use the connection, and closes it. */
  static async use<T>(caller: SystemdCaller, work: (bus: SystemdBus) => Promise<T>): Promise<T> {
    const bus = new SystemdBus(caller, await import("@jellybrick/dbus-next"));
    try {
      return await work(bus);
    } finally {
      bus.#bus.disconnect();
    }
  }

  /** Starts a transient unit and waits for it. Rejects unless it runs then. */
  async startTransientUnit(unit: string, properties: UnitProperty[]): Promise<void> {
    const values = this.#variants(properties);
    const args = [unit, "replace", values, []];
    const result = await this.#job("StartTransientUnit", "ssa(sv)a(sa(sv))", args);
    if (result !== "done") {
      throw new SystemdRefusal("job", `error creating systemd unit \`${unit}\`: got \`${result}\``);
    }
  }

  /** Stops a unit and waits for it; one that is gone is no failure. */
  async stopUnit(unit: string): Promise<void> {
    try {
      await this.#job("StopUnit", "ss", [unit, "replace"]);
    } catch (error) {
      if (!(error instanceof SystemdRefusal && /NoSuchUnit/.test(error.name))) throw error;
    }
  }

  /** Forgets a unit's failure, without which its name cannot be taken again. */
  async resetFailedUnit(unit: string): Promise<void> {
    try {
      await this.#call("ResetFailedUnit", "s", [unit]);
    } catch (error) {
      if (!(error instanceof SystemdRefusal)) throw error;
    }
  }

  /** Changes properties of a running unit until the next boot. */
  async setUnitProperties(unit: string, properties: UnitProperty[]): Promise<void> {
    await this.#call("SetUnitProperties", "sba(sv)", [unit, true, this.#variants(properties)]);
  }

  /** The cgroup that this systemd manages, as a path in the hierarchy; "" is the root. */
  async controlGroup(): Promise<string> {
    const [variant] = await this.#send({
      ...MANAGER,
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
      signature: "ss",
      body: [`${NAME}.Manager`, "ControlGroup"],
    });
    return String((variant as { value: unknown }).value);
  }

  #variants(properties: UnitProperty[]): unknown[] {
    return properties.map(({ name, signature, value }) => [
      name,
      new this.#library.Variant(signature, value),
    ]);
  }

  async #job(member: string, signature: string, body: unknown[]): Promise<string> {
    await this.#send({
      destination: "org.freedesktop.DBus",
      path: "/org/freedesktop/DBus",
      interface: "org.freedesktop.DBus",
      member: "AddMatch",
      signature: "s",
      body: [`type='signal',interface='${NAME}.Manager',member='JobRemoved'`],
    });
    const [job] = (await this.#call(member, signature, body)) as [string];
    const ended = new Promise<void>((resolve) => {
      this.#jobEnded = () => {
        if (this.#ended.has(job)) resolve();
      };
      this.#jobEnded();
    });
    await this.#limited(ended, JOB_LIMIT_MS, `${member} ${String(body[0])}`);
    return this.#ended.get(job)!;
  }

  #call(member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    return this.#send({ ...MANAGER, interface: `${NAME}.Manager`, member, signature, body });
  }

  async #send(message: {
    destination: string;
    path: string;
    interface: string;
    member: string;
    signature: string;
    body: unknown[];
  }): Promise<unknown[]> {
    const { DBusError, Message } = this.#library;
    try {
      const reply = this.#bus.call(new Message(message));
      return (await this.#limited(reply, CALL_LIMIT_MS, message.member))?.body ?? [];
    } catch (error) {
      if (error instanceof DBusError) throw new SystemdRefusal(error.type, error.text);
      throw error;
    }
  }

  async #limited<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const message = `Timeout waiting for systemd: ${what}`;
      const evidence = [{ kind: "syscall" as const, value: `no answer in ${limitMs} ms` }];
      const fix = "look at the host's systemd: systemctl list-jobs; journalctl -b _PID=1";
      const code = "deadline_exceeded";
      reject(failure({ layer: this.#caller.layer, op: "systemd", code, message, evidence, fix }));
    }, limitMs);
    try {
      return await Promise.race([work, this.#broken, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function userBusAddress(): string {
  const named = process.env["DBUS_SESSION_BUS_ADDRESS"];
  const folder = process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.geteuid!()}`;
  return named || `unix:path=${folder}/bus`;
}

function unreachable({ user, layer, flag }: SystemdCaller, error: unknown): ChainError {
  return failure({
    layer,
    op: "connect to systemd",
    code: "unavailable",
    message: `unable to reach ${user ? "the user's" : "the"} systemd over D-Bus: ${
      error instanceof Error ? error.message : String(error)
    }`,
    fix: user
      ? "log in through a session with a user manager (loginctl enable-linger USER)"
      : "check that the host runs systemd and its D-Bus (systemctl status dbus), " +
        `or leave out ${flag}`,
  });
}
