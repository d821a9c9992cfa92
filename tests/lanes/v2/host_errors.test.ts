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
import { startCatenaDaemon } from "../../lib/catena_stack.ts";
import { mustRun, runCommand } from "../../lib/command.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { withoutCgroupIds, withoutPids, withoutThreads } from "./host_limits.ts";

// A host that has run out of something: our own errors say it at the moment of failure, in Docker's
// API, in the CRI and in the kubelet's event. Requests are made from this process: no client could
// be started any more.

const LIMIT_MS = 840_000;
const SEEN_MS = 120_000;
const ATTEMPTS = 20;

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

  step("kernel.threads-max is named", async () => {
    await withoutThreads(async () => {
      const cause = "threads-max";
      expect(await stack.all()).toEqual({ exec: cause, start: cause, cri: cause });
      await stack.probeEvent(cause);
    });
    expect((await stack.all()).exec).toBe("");
  });

  step("kernel.pid_max is named", async () => {
    await withoutPids(async () => {
      const whole = { exec: "pid-max", start: "pid-max", cri: "pid-max" };
      let told: Partial<typeof whole> = {};
      for (let i = 0; i < ATTEMPTS && !Bun.deepEquals(told, whole); i++) {
        told = await stack.all();
        // An id that came free meanwhile lets one of them through: no other cause is named.
        for (const cause of Object.values(told)) expect(["", "pid-max"]).toContain(cause);
      }
      expect(told).toEqual(whole);
      await stack.probeEvent("pid-max");
    });
    expect((await stack.all()).exec).toBe("");
  });

  step("the kernel's last cgroup id is named, by the doctor too", async () => {
    await withoutCgroupIds(`${sandbox!.tag}-ids`, async () => {
      const cause = "cgroup-ids";
      // An exec makes no cgroup.
      expect(await stack.all()).toEqual({ exec: "", start: cause, cri: "" });
      await stack.sandboxEvent(cause);
      expect(await stack.doctor()).toBe(cause);
    });
    expect((await stack.all()).start).toBe("");
  });
});

interface Folders {
  socket: string;
  state: string;
  manifests: string;
}

/** `catena daemon` with a kubelet, a container of Docker's and a pod whose probes are execs. */
class ExhaustedStack {
  readonly #engine: DockerEngine;
  readonly #cri: CriServices;
  readonly #folders: Folders;
  #kubelet = "";
  #container = "";
  #podContainer = "";
  #serial = 0;

  private constructor(sandbox: Sandbox, folders: Folders) {
    this.#folders = folders;
    this.#engine = connectDocker(folders.socket);
    const { services, close } = connectCri(join(folders.state, "cri.sock"));
    sandbox.onClose(close);
    this.#cri = services;
  }

  static async start(sandbox: Sandbox): Promise<ExhaustedStack> {
    const manifests = sandbox.path("manifests");
    mkdirSync(manifests);
    const daemon = await startCatenaDaemon(sandbox, [
      ...["--manifests", manifests, "--kubelet-port", "0", "--pod-network", "loopback"],
      ...["--kubelet-cgroup-root", `/${sandbox.tag}`],
    ]);
    const { socket, state } = daemon;
    const stack = new ExhaustedStack(sandbox, { socket, state, manifests });
    await mustRun(["docker", "-H", `unix://${socket}`, "load", "-i", await podImages(sandbox)]);
    const port = /kubelet serves.*address="(127\.0\.0\.1:\d+)"/.exec(daemon.log())?.[1];
    stack.#kubelet = `http://${port}`;
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
  async all(): Promise<{ exec: string; start: string; cri: string }> {
    const request = { containerId: this.#podContainer, cmd: ["true"] };
    return {
      exec: await causeOf(this.#exec()),
      start: await causeOf(this.#start()),
      cri: await causeOf(this.#cri.runtime.execSync(request, {})),
    };
  }

  /** Waits for the kubelet's event that probes cannot be executed, by this cause. */
  async probeEvent(cause: string): Promise<void> {
    await this.#event("ProbeNotExecuted", cause);
  }

  /** Waits for the kubelet's event of a new pod that cannot be made, by this cause. */
  async sandboxEvent(cause: string): Promise<void> {
    const manifest = this.#manifest("late");
    await this.#event("FailedCreatePodSandBox", cause).finally(() => rmSync(manifest));
  }

  /** The cause that the doctor names of Docker's container. */
  async doctor(): Promise<string | undefined> {
    const { socket, state } = this.#folders;
    const sockets = ["--docker", socket, "--containerd", join(state, "containerd.sock")];
    const argv = [binPath("catena"), "doctor", "--json", ...sockets, this.#container];
    const { stdout } = await runCommand(argv, { timeoutMs: SEEN_MS });
    return JSON.parse(stdout).cause?.id;
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

  /** Starts a container of its own. */
  async #start(): Promise<void> {
    const id = await this.#create();
    const all = { force: true, volumes: true, link: false };
    const remove = () => this.#engine.containerRemove(id, all, {});
    await this.#engine.containerStart(id, {}).finally(remove);
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
    const path = join(this.#folders.manifests, `${name}.json`);
    const livenessProbe = {
      exec: { command: ["true"] },
      ...{ periodSeconds: 1, timeoutSeconds: 60, failureThreshold: 1000 },
    };
    const containers = [shell("app", STAY, { livenessProbe })];
    writeFileSync(path, JSON.stringify(pod(name, { containers })));
    return path;
  }

  async #event(reason: string, cause: string): Promise<void> {
    const what = `an event ${reason} names ${cause}`;
    const seen = async () => {
      const { items } = (await (await fetch(`${this.#kubelet}/events`)).json()) as {
        items: { reason: string; message: string; catena?: { causeId: string } }[];
      };
      return items.some((one) => one.reason === reason && one.catena?.causeId === cause);
    };
    await waitUntil(what, seen, SEEN_MS);
  }
}

/** The cause's id by which something was refused; the words where there is none; "" for nothing. */
async function causeOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return "";
  } catch (thrown) {
    const { causeId, message } = toChainError(thrown, "cli", "ask");
    return causeId ?? /\[([a-z-]+)\] \(catena explain /.exec(message)?.[1] ?? message;
  }
}
