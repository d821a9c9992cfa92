import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { type PortRelay, relayPort } from "../lib/port_relay.ts";
import type { PrivateNetwork } from "../lib/private_network.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of the Kubernetes API
type Json = any;

export interface KubeletTestOptions {
  cri: string;
  /** Further flags. */
  flags?: string[];
  /** The network that it runs in; by default the host's. */
  network?: PrivateNetwork;
}

const START_MS = 60_000;
/** How long what a pod or an event is waited for may take: the machine may be busy. */
const SEEN_MS = 120_000;

/** `catena kubelet` over a CRI, with a folder of manifests of its own. */
export class KubeletUnderTest {
  readonly #sandbox: Sandbox;
  readonly #options: KubeletTestOptions;
  readonly manifests: string;
  readonly logFile: string;
  #process: Bun.Subprocess | undefined;
  #port = 0;
  /** Where its port is reached from here, when it runs in a network of its own. */
  #relay: PortRelay | undefined;
  #starts = 0;

  private constructor(sandbox: Sandbox, options: KubeletTestOptions) {
    this.#sandbox = sandbox;
    this.#options = options;
    this.manifests = sandbox.path("kubelet", "manifests");
    this.logFile = sandbox.path("kubelet", "kubelet.log");
    mkdirSync(this.manifests, { recursive: true });
  }

  static async start(sandbox: Sandbox, options: KubeletTestOptions): Promise<KubeletUnderTest> {
    const kubelet = new KubeletUnderTest(sandbox, options);
    sandbox.onClose(() => kubelet.close());
    await kubelet.start();
    return kubelet;
  }

  get pid(): number {
    return this.#process!.pid;
  }

  /** Starts it, again after `stop`. */
  async start(): Promise<void> {
    const sandbox = this.#sandbox;
    const logFile = `${this.logFile}.${++this.#starts}`;
    const { cri, flags = [], network } = this.#options;
    const argv = [
      ...[binPath("catena"), "kubelet", "--manifests", this.manifests],
      ...["--cri", cri, "--root", sandbox.path("kubelet", "root")],
      ...["--state", sandbox.path("kubelet", "state"), "--cgroup-root", `/${sandbox.tag}`],
      ...["--node-name", "node", "--node-ip", "127.0.0.1", "--port", "0"],
      ...["--restart-delay", "1", ...flags],
    ];
    this.#process = Bun.spawn(network ? network.enter(argv) : argv, {
      env: childEnv(),
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(logFile),
    });
    const started = this.#process;
    const line = await waitUntil(
      "the kubelet serves",
      () => {
        const words = readIfAny(logFile);
        if (started.exitCode !== null) throw new Error(words);
        return /kubelet serves.*address="127\.0\.0\.1:(\d+)"/.exec(words) ?? false;
      },
      START_MS,
    );
    this.#port = Number(line[1]);
    if (network) this.#relay = await relayPort(sandbox, network, this.#port);
  }

  log(): string {
    const starts = Array.from({ length: this.#starts }, (_, index) => index + 1);
    return starts.map((start) => readIfAny(`${this.logFile}.${start}`)).join("");
  }

  /** Writes a manifest; the kubelet sees it by itself. */
  write(name: string, manifest: unknown): void {
    const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
    writeFileSync(join(this.manifests, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.manifests, name), { force: true });
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#port}${path}`, {
      ...init,
      ...(this.#relay && { unix: this.#relay.path }),
      headers: { authorization: `Bearer ${this.token}`, ...init.headers },
    });
  }

  get port(): number {
    return this.#port;
  }

  get token(): string {
    return readFileSync(this.#sandbox.path("kubelet", "state", "kubelet.token"), "utf8").trim();
  }

  async text(path: string): Promise<string> {
    return (await this.fetch(path)).text();
  }

  async json(path: string): Promise<Json> {
    return (await this.fetch(path)).json();
  }

  /** The pod of this name, without the node's name at its end. */
  async pod(name: string): Promise<Json | undefined> {
    const { items } = await this.json("/pods");
    return items.find(({ metadata }: Json) => metadata.name === `${name}-node`);
  }

  /** Waits until the pod is as `fits` says; shows it otherwise. */
  async podWhen(
    name: string,
    what: string,
    fits: (pod: Json) => boolean,
    limitMs = SEEN_MS,
  ): Promise<Json> {
    let last: Json;
    try {
      return await waitUntil(
        `pod ${name} ${what}`,
        async () => {
          last = await this.pod(name);
          return last && fits(last) ? last : false;
        },
        limitMs,
      );
    } catch (error) {
      const status = JSON.stringify(last?.status, null, 1);
      throw new Error(`${error}\n${status}\n${this.log().slice(-3000)}`);
    }
  }

  /** Events of one reason, of one pod if it is named. */
  async events(reason: string, pod?: string): Promise<Json[]> {
    const { items } = await this.json("/events");
    return items.filter(
      (event: Json) =>
        event.reason === reason &&
        (pod === undefined || event.involvedObject.name === `${pod}-node`),
    );
  }

  /** Waits for an event of a reason, whose message fits. */
  async event(reason: string, pod: string | undefined, words: RegExp, limitMs = SEEN_MS) {
    let all: Json[] = [];
    try {
      return await waitUntil(
        `event ${reason} ${words}`,
        async () => {
          all = await this.events(reason, pod);
          return all.find(({ message }) => words.test(message)) ?? false;
        },
        limitMs,
      );
    } catch (error) {
      throw new Error(`${error}\n${JSON.stringify(all)}\n${this.log().slice(-3000)}`);
    }
  }

  /** Waits until an event of a reason happened so often. */
  async eventTimes(reason: string, pod: string, times: number): Promise<Json> {
    const what = `event ${reason} came ${times} times`;
    const seen = async () => (await this.events(reason, pod)).find(({ count }) => count >= times);
    return waitUntil(what, async () => (await seen()) ?? false).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log().slice(-3000)}`);
    });
  }

  /** Ends the kubelet alone; its pods run on. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** SIGKILL, as a crash. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    running?.kill(signal);
    await running?.exited;
    await this.#relay?.close();
    this.#relay = undefined;
  }

  /** Takes all manifests away, waits until their pods are gone, and ends the kubelet. */
  async close(): Promise<void> {
    if (!this.#process || this.#process.exitCode !== null) return;
    rmSync(this.manifests, { recursive: true, force: true });
    mkdirSync(this.manifests, { recursive: true });
    await waitUntil("all pods are gone", async () => (await this.json("/pods")).items.length === 0)
      .catch(() => {})
      .finally(() => this.stop());
  }
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
