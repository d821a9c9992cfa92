import { toChainError } from "#lib/errors/chain_error.ts";
import type { CriServices } from "#wire/cri/services.ts";
import type { CgroupDriver } from "../cgroup/cgroup_driver.ts";
import type {
  ContainerDetail,
  ExecResult,
  ImageView,
  PodRuntime,
  RuntimeStatus,
  SandboxView,
  StreamRequest,
} from "../runtime/pod_runtime.ts";
import type { ContainerConfig, SandboxConfig } from "../runtime/runtime_config.ts";
import type { CriCaller } from "./cri_call.ts";
import { containerView, detailOf, imageView, pidOf, sandboxView } from "./cri_views.ts";

/** Milliseconds that a call may take, by what it has to do. */
export interface CriLimits {
  /** Lists and states: memory and small files. */
  readMs: number;
  /** Sandboxes and containers: mounts, networks, processes. */
  changeMs: number;
  /** Pulls. */
  pullMs: number;
}

/** Changes: the kubelet's runtime-request-timeout. A list that takes 10 s is a hung runtime. */
export const CRI_LIMITS: CriLimits = { readMs: 10_000, changeMs: 120_000, pullMs: 900_000 };

/** Of CRI's CgroupDriver. */
const SYSTEMD = 0;

/** What the runtime gets beyond a time-out of its own before it is taken for hung. */
const SLACK_MS = 5_000;

/** A container runtime over its CRI. */
export class CriRuntime implements PodRuntime {
  readonly #cri: CriServices;
  readonly #caller: CriCaller;
  readonly #limits: CriLimits;

  constructor(cri: CriServices, caller: CriCaller, limits: CriLimits = CRI_LIMITS) {
    this.#cri = cri;
    this.#caller = caller;
    this.#limits = limits;
  }

  async status(): Promise<RuntimeStatus> {
    const { runtime } = this.#cri;
    const version = await this.#read("Version", (c) => runtime.version({ version: "v1" }, c));
    const reply = await this.#read("Status", (c) => runtime.status({}, c));
    const conditions = reply.status?.conditions ?? [];
    const holds = (type: string) => conditions.find((one) => one.type === type)?.status === true;
    const broken = conditions.filter(({ status }) => !status);
    return {
      name: version.runtimeName,
      version: version.runtimeVersion,
      ready: holds("RuntimeReady"),
      networkReady: holds("NetworkReady"),
      reason: broken.map(({ type, reason, message }) => `${type}: ${reason} ${message}`).join("; "),
    };
  }

  async cgroupDriver(): Promise<CgroupDriver | undefined> {
    try {
      const call = (c: object) => this.#cri.runtime.runtimeConfig({}, c);
      const { linux } = await this.#read("RuntimeConfig", call);
      return linux && (linux.cgroupDriver === SYSTEMD ? "systemd" : "cgroupfs");
    } catch (error) {
      // Runtimes before containerd 2.0 do not know the call.
      if (toChainError(error, "dockershim", "ask").outer.code === "unimplemented") return undefined;
      throw error;
    }
  }

  async listSandboxes(): Promise<SandboxView[]> {
    const call = (c: object) => this.#cri.runtime.listPodSandbox({}, c);
    return (await this.#read("ListPodSandbox", call)).items.map(sandboxView);
  }

  async listContainers() {
    const call = (c: object) => this.#cri.runtime.listContainers({}, c);
    return (await this.#read("ListContainers", call)).containers.map(containerView);
  }

  async containerDetail(containerId: string): Promise<ContainerDetail> {
    const call = (c: object) => this.#cri.runtime.containerStatus({ containerId }, c);
    return detailOf(await this.#read("ContainerStatus", call));
  }

  async containerPid(containerId: string): Promise<number | undefined> {
    const request = { containerId, verbose: true };
    const call = (c: object) => this.#cri.runtime.containerStatus(request, c);
    return pidOf(await this.#read("ContainerStatus", call));
  }

  async sandboxIps(podSandboxId: string): Promise<string[]> {
    const call = (c: object) => this.#cri.runtime.podSandboxStatus({ podSandboxId }, c);
    const { status } = await this.#read("PodSandboxStatus", call);
    const more = status?.network?.additionalIps ?? [];
    return [status?.network?.ip ?? "", ...more.map(({ ip }) => ip)].filter((ip) => ip !== "");
  }

  async runSandbox(config: SandboxConfig, runtimeHandler: string): Promise<string> {
    const call = (c: object) => this.#cri.runtime.runPodSandbox({ config, runtimeHandler }, c);
    return (await this.#change("RunPodSandbox", call)).podSandboxId;
  }

  async stopSandbox(podSandboxId: string): Promise<void> {
    const call = (c: object) => this.#cri.runtime.stopPodSandbox({ podSandboxId }, c);
    await unlessGone(this.#change("StopPodSandbox", call));
  }

  async removeSandbox(podSandboxId: string): Promise<void> {
    const call = (c: object) => this.#cri.runtime.removePodSandbox({ podSandboxId }, c);
    await unlessGone(this.#change("RemovePodSandbox", call));
  }

  async createContainer(podSandboxId: string, config: ContainerConfig, sandbox: SandboxConfig) {
    const request = { podSandboxId, config, sandboxConfig: sandbox };
    const call = (c: object) => this.#cri.runtime.createContainer(request, c);
    return (await this.#change("CreateContainer", call)).containerId;
  }

  async startContainer(containerId: string): Promise<void> {
    const call = (c: object) => this.#cri.runtime.startContainer({ containerId }, c);
    await this.#change("StartContainer", call);
  }

  async stopContainer(containerId: string, graceSeconds: number): Promise<void> {
    const request = { containerId, timeout: BigInt(graceSeconds) };
    const limitMs = this.#limits.changeMs + graceSeconds * 1000;
    const call = (c: object) => this.#cri.runtime.stopContainer(request, c);
    await unlessGone(this.#caller.call("StopContainer", limitMs, call));
  }

  async removeContainer(containerId: string): Promise<void> {
    const call = (c: object) => this.#cri.runtime.removeContainer({ containerId }, c);
    await unlessGone(this.#change("RemoveContainer", call));
  }

  async reopenLog(containerId: string): Promise<void> {
    const call = (c: object) => this.#cri.runtime.reopenContainerLog({ containerId }, c);
    await this.#change("ReopenContainerLog", call);
  }

  async execSync(containerId: string, cmd: string[], timeoutSeconds: number): Promise<ExecResult> {
    const request = { containerId, cmd, timeout: BigInt(timeoutSeconds) };
    const limitMs =
      timeoutSeconds > 0 ? timeoutSeconds * 1000 + SLACK_MS : this.#limits.changeMs + SLACK_MS;
    const call = (c: object) => this.#cri.runtime.execSync(request, c);
    const { stdout, stderr, exitCode } = await this.#caller.call("ExecSync", limitMs, call);
    return { exitCode, output: Buffer.concat([stdout, stderr]).toString("utf8") };
  }

  async execUrl({ command, ...request }: StreamRequest): Promise<string> {
    const call = (c: object) => this.#cri.runtime.exec({ ...request, cmd: command }, c);
    return (await this.#read("Exec", call)).url;
  }

  async attachUrl({ command: _, ...request }: StreamRequest): Promise<string> {
    const call = (c: object) => this.#cri.runtime.attach(request, c);
    return (await this.#read("Attach", call)).url;
  }

  async portForwardUrl(podSandboxId: string, port: number[]): Promise<string> {
    const call = (c: object) => this.#cri.runtime.portForward({ podSandboxId, port }, c);
    return (await this.#read("PortForward", call)).url;
  }

  async imageOf(image: string): Promise<ImageView | undefined> {
    const call = (c: object) => this.#cri.image.imageStatus({ image: { image } }, c);
    const reply = await this.#read("ImageStatus", call);
    return reply.image && imageView(reply.image);
  }

  async listImages(): Promise<ImageView[]> {
    const call = (c: object) => this.#cri.image.listImages({}, c);
    return (await this.#read("ListImages", call)).images.map(imageView);
  }

  async pullImage(image: string, sandboxConfig: SandboxConfig): Promise<string> {
    const call = (c: object) => this.#cri.image.pullImage({ image: { image }, sandboxConfig }, c);
    return (await this.#caller.call("PullImage", this.#limits.pullMs, call)).imageRef;
  }

  async removeImage(image: string): Promise<void> {
    const call = (c: object) => this.#cri.image.removeImage({ image: { image } }, c);
    await unlessGone(this.#change("RemoveImage", call));
  }

  async imageFolders(): Promise<string[]> {
    const call = (c: object) => this.#cri.image.imageFsInfo({}, c);
    const { imageFilesystems } = await this.#read("ImageFsInfo", call);
    return imageFilesystems.map(({ fsId }) => fsId?.mountpoint ?? "").filter((path) => path !== "");
  }

  #read<T>(op: string, work: (context: object) => Promise<T>): Promise<T> {
    return this.#caller.call(op, this.#limits.readMs, work);
  }

  #change<T>(op: string, work: (context: object) => Promise<T>): Promise<T> {
    return this.#caller.call(op, this.#limits.changeMs, work);
  }
}

/** Stopping and removing what is gone already is done. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (toChainError(error, "dockershim", "remove").outer.code !== "not_found") throw error;
  }
}
