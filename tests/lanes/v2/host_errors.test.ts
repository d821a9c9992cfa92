import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { connectCri } from "#wire/cri/client/cri_client.ts";
import type { CriServices } from "#wire/cri/services.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { APP_IMAGE, podImages } from "../../kubelet/pod_images.ts";
import { pod, STAY, shell } from "../../kubelet/scenario_pods.ts";
import { type CatenaFolders, startCatenaDaemon } from "../../lib/catena_stack.ts";
import { mustRun, runCommand } from "../../lib/command.ts";
import type { Daemon } from "../../lib/daemon.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { withoutCgroupIds, withoutPids, withoutThreads } from "./host_limits.ts";

// A host that has run out of something: our own errors say it at the moment of failure, in Docker's
// API, in the CRI and in the kubelet's event. Requests are made from this process: no client could
// be started any more.

const LIMIT_MS = 840_000;
const SEEN_MS = 120_000;
const GLANCE_MS = 10_000;
const ATTEMPTS = 10;
/**
 * What may be told beside the cause: nothing, where something came free meanwhile; and the end of a
 * shim or daemon that could not start a thread of its own, which no program of this kind outlives.
 */
const BESIDE = ["", "ttrpc-closed", "dockerd-down", "cri-down", "unavailable"];
const LIMITS: [string, typeof withoutThreads][] = [
  ["threads-max", withoutThreads],
  ["pid-max", withoutPids],
];

describe.skipIf(isElsewhere("v2"))(laneTitle("v2", "our errors on an exhausted host"), () => {
  const sandbox = isElsewhere("v2") ? undefined : new Sandbox();
  let stack: ExhaustedStack;

  beforeAll(async () => {
    stack = await ExhaustedStack.start(sandbox!);
  }, LIMIT_MS);
  afterAll(() => sandbox?.close(), LIMIT_MS);

  const step = (what: string, run: () => Promise<void>) => test(what, run, LIMIT_MS);

  step("on a host that has room nothing is refused", async () => {
    expect(await stack.all()).toEqual({ exec: "", start: "", cri: "" });
  });

  for (const [cause, without] of LIMITS) {
    step(`${cause} is named, and no container is lost by it`, async () => {
      const told = { exec: new Set<string>(), start: new Set<string>(), cri: new Set<string>() };
      const asked = Object.entries(told) as ["exec" | "start" | "cri", Set<string>][];
      for (let i = 0; i < ATTEMPTS && asked.some(([, causes]) => !causes.has(cause)); i++) {
        await stack.revive();
        const all = await stack.all(without);
        for (const [request, causes] of asked) causes.add(all[request]);
      }
      for (const [, causes] of asked) {
        expect(causes).toContain(cause);
        for (const one of causes) expect([cause, ...BESIDE]).toContain(one);
      }
      let seen = false;
      for (let i = 0; i < ATTEMPTS && !seen; i++) {
        await stack.revive();
        await without(async () => {
          seen = await stack.sees("ProbeNotExecuted", cause, GLANCE_MS);
        });
        seen ||= await stack.sees("ProbeNotExecuted", cause, 0);
      }
      expect(seen).toBe(true);
      await stack.revive();
    });
  }

  step("the kernel's last cgroup id is named, by the doctor too", async () => {
    await withoutCgroupIds(`${sandbox!.tag}-ids`, async () => {
      const cause = "cgroup-ids";
      // An exec makes no cgroup.
      expect(await stack.all()).toEqual({ exec: "", start: cause, cri: "" });
      expect(await stack.refusesPod(cause)).toBe(true);
      expect(await stack.doctor()).toBe(cause);
    });
    await stack.revive();
  });
});

interface SeenEvent {
  reason: string;
  catena?: { causeId: string };
}

/** `catena daemon` with a kubelet, a container of Docker's and a pod whose probes are execs. */
class ExhaustedStack {
  readonly #sandbox: Sandbox;
  readonly #daemon: Daemon & CatenaFolders;
  readonly #engine: DockerEngine;
  readonly #manifests: string;
  #cri: CriServices;
  #container = "";
  #podContainer = "";
  #serial = 0;

  private constructor(sandbox: Sandbox, daemon: Daemon & CatenaFolders, manifests: string) {
    this.#sandbox = sandbox;
    this.#daemon = daemon;
    this.#manifests = manifests;
    this.#engine = connectDocker(daemon.socket);
    this.#cri = this.#connect();
  }

  static async start(sandbox: Sandbox): Promise<ExhaustedStack> {
    const manifests = sandbox.path("manifests");
    mkdirSync(manifests);
    const daemon = await startCatenaDaemon(sandbox, [
      ...["--manifests", manifests, "--kubelet-port", "0", "--pod-network", "loopback"],
      ...["--kubelet-cgroup-root", `/${sandbox.tag}`],
    ]);
    const docker = `unix://${daemon.socket}`;
    await mustRun(["docker", "-H", docker, "load", "-i", await podImages(sandbox)]);
    const stack = new ExhaustedStack(sandbox, daemon, manifests);
    stack.#container = await stack.#create();
    await stack.#engine.containerStart(stack.#container, {});
    stack.#manifest("probed");
    stack.#podContainer = await waitUntil("the pod's container runs", async () => {
      const { containers } = await stack.#cri.runtime.listContainers({}, {});
      return containers[0]?.id ?? false;
    });
    return stack;
  }

  /** What each kind of request is told: the cause's id, or "" where it succeeds. */
  async all(
    limit: (work: () => Promise<void>) => Promise<void> = (work) => work(),
  ): Promise<{ exec: string; start: string; cri: string }> {
    const created = await this.#create();
    const request = { containerId: this.#podContainer, cmd: ["true"] };
    const execSync = async () => void (await this.#cri.runtime.execSync(request, {}));
    const told = {
      exec: await causeOf(limit(() => this.#exec())),
      start: await causeOf(limit(() => this.#engine.containerStart(created, {}).then(() => {}))),
      cri: await causeOf(limit(execSync)),
    };
    const all = { force: true, volumes: true, link: false };
    await this.#engine.containerRemove(created, all, {}).catch(() => {});
    return told;
  }

  /** Starts the daemon again if it died; waits until the containers of before serve again. */
  async revive(): Promise<void> {
    if (!this.#daemon.isAlive()) {
      await this.#daemon.stop();
      await this.#daemon.start();
      this.#cri = this.#connect();
    }
    const fine = { exec: "", start: "", cri: "" };
    const well = async () => Bun.deepEquals(await this.all().catch(() => undefined), fine);
    await waitUntil("the containers of before serve again", well, SEEN_MS);
  }

  /** Whether an event of this reason with this cause is seen within a time. */
  async sees(reason: string, cause: string, limitMs: number): Promise<boolean> {
    const until = performance.now() + limitMs;
    for (;;) {
      const events = await this.#events().catch(() => []);
      if (events.some((one) => one.reason === reason && one.catena?.causeId === cause)) return true;
      if (performance.now() >= until) return false;
      await Bun.sleep(200);
    }
  }

  /** Whether a new pod is refused by this cause, in the kubelet's event. */
  async refusesPod(cause: string): Promise<boolean> {
    const manifest = this.#manifest("late");
    return this.sees("FailedCreatePodSandBox", cause, SEEN_MS).finally(() => rmSync(manifest));
  }

  /** The cause that the doctor names of Docker's container. */
  async doctor(): Promise<string | undefined> {
    const { socket, state } = this.#daemon;
    const sockets = ["--docker", socket, "--containerd", join(state, "containerd.sock")];
    const argv = [binPath("catena"), "doctor", "--json", ...sockets, this.#container];
    const { stdout } = await runCommand(argv, { timeoutMs: SEEN_MS });
    return JSON.parse(stdout).cause?.id;
  }

  #connect(): CriServices {
    const { services, close } = connectCri(join(this.#daemon.state, "cri.sock"));
    this.#sandbox.onClose(close);
    return services;
  }

  async #create(): Promise<string> {
    const body = {
      Image: APP_IMAGE,
      Cmd: ["sleep", "100000"],
      HostConfig: { NetworkMode: "none" },
    };
    const name = `host-errors-${++this.#serial}`;
    return (await this.#engine.containerCreate({ name, platform: "", body }, {})).Id;
  }

  /** An attached exec: Docker tells in its output why it could not start. */
  async #exec(): Promise<void> {
    const body = { AttachStdout: true, AttachStderr: true, Cmd: ["true"] };
    const { Id } = await this.#engine.execCreate(this.#container, body, {});
    const streams = await this.#engine.execStart(Id, { Detach: false, Tty: false }, {});
    let text = "";
    for await (const { data } of streams!.output) text += Buffer.from(data).toString("utf8");
    if (text !== "") throw new Error(text);
  }

  #manifest(name: string): string {
    const path = join(this.#manifests, `${name}.json`);
    const livenessProbe = {
      exec: { command: ["true"] },
      ...{ periodSeconds: 1, timeoutSeconds: 60, failureThreshold: 1000 },
    };
    const containers = [shell("app", STAY, { livenessProbe })];
    writeFileSync(path, JSON.stringify(pod(name, { containers })));
    return path;
  }

  async #events(): Promise<SeenEvent[]> {
    const serves = /kubelet serves.*address="(127\.0\.0\.1:\d+)"/g;
    const port = [...this.#daemon.log().matchAll(serves)].at(-1)?.[1];
    const reply = await fetch(`http://${port}/events`);
    return ((await reply.json()) as { items: SeenEvent[] }).items;
  }
}

/** The cause's id by which something was refused, else the kind of error; "" for nothing. */
async function causeOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return "";
  } catch (thrown) {
    const { causeId, message, outer } = toChainError(thrown, "cli", "ask");
    const told = causeId ?? /\[([a-z-]+)\] \(catena explain /.exec(message)?.[1];
    const gone = /closed the connection|ECONNRESET|socket connection was closed/.test(message);
    return told ?? (gone || outer.code === "unavailable" ? "unavailable" : message);
  }
}
