import { existsSync, readFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ContainerConfigSchema } from "#gen/wire/cri/proto/container_config_pb.ts";
import { ContainerState } from "#gen/wire/cri/proto/container_pb.ts";
import { PodSandboxConfigSchema } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import {
  LinuxContainerSecurityContextSchema,
  NamespaceMode,
  NamespaceOptionSchema,
} from "#gen/wire/cri/proto/security_pb.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type { CriTarget } from "./cri_target.ts";

/** What a message is made from, and not the message itself. */
type Init<T> = T extends { $typeName: string } ? never : T;
type PodInit = Init<MessageInitShape<typeof PodSandboxConfigSchema>>;
export type ContainerInit = Init<MessageInitShape<typeof ContainerConfigSchema>>;

let pods = 0;

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** A pod under test: made by `TestPod.run`, taken down by `remove`. */
export class TestPod {
  readonly target: CriTarget;
  readonly id: string;
  readonly config: ReturnType<typeof create<typeof PodSandboxConfigSchema>>;
  #containers = 0;

  private constructor(target: CriTarget, id: string, config: TestPod["config"]) {
    this.target = target;
    this.id = id;
    this.config = config;
  }

  /** Runs a sandbox. `more` overrides what it is made from. */
  static async run(target: CriTarget, more: PodInit = {}): Promise<TestPod> {
    const name = `pod-${pods++}`;
    const config = create(PodSandboxConfigSchema, {
      metadata: { name, namespace: "catest", uid: `uid-${name}`, attempt: 1 },
      hostname: name,
      logDirectory: target.sandbox.path("logs", name),
      linux: { cgroupParent: `/${target.sandbox.tag}` },
      ...more,
    });
    const { podSandboxId } = await target.services.runtime.runPodSandbox({ config }, {});
    return new TestPod(target, podSandboxId, config);
  }

  /** Creates a container that runs a shell script, or what `more` says. */
  async create(script: string, more: ContainerInit = {}): Promise<string> {
    const name = `c${this.#containers++}`;
    const { linux, ...rest } = more;
    const { resources, securityContext } = linux ?? {};
    const own = create(LinuxContainerSecurityContextSchema, securityContext);
    own.namespaceOptions ??= create(NamespaceOptionSchema, { pid: NamespaceMode.CONTAINER });
    const { containerId } = await this.target.services.runtime.createContainer(
      {
        podSandboxId: this.id,
        sandboxConfig: this.config,
        config: {
          metadata: { name },
          image: { image: this.target.image },
          command: ["sh", "-c", script],
          logPath: `${name}.log`,
          linux: { ...(resources && { resources }), securityContext: own },
          ...rest,
        },
      },
      {},
    );
    return containerId;
  }

  /** Creates and starts a container. */
  async start(script: string, more: ContainerInit = {}): Promise<string> {
    const containerId = await this.create(script, more);
    await this.target.services.runtime.startContainer({ containerId }, {});
    return containerId;
  }

  /** Runs a script to its end; returns what its log says of it. */
  async finish(script: string, more: ContainerInit = {}): Promise<Ran> {
    const id = await this.start(script, more);
    const { exitCode, logPath } = await this.exited(id);
    const lines = readLog(logPath);
    const of = (stream: string) =>
      lines.filter((line) => line.stream === stream).map(({ text }) => text);
    return {
      code: exitCode,
      stdout: of("stdout").join("\n"),
      stderr: of("stderr").join("\n"),
    };
  }

  async status(containerId: string) {
    const reply = await this.target.services.runtime.containerStatus({ containerId }, {});
    return reply.status!;
  }

  /** Waits for a container's end; returns its status. */
  exited(containerId: string) {
    return waitUntil(`container ${containerId} exits`, async () => {
      const status = await this.status(containerId);
      return status.state === ContainerState.CONTAINER_EXITED && status;
    });
  }

  async exec(containerId: string, script: string, timeout = 120n): Promise<Ran> {
    const cmd = ["sh", "-c", script];
    const request = { containerId, cmd, timeout };
    const reply = await this.target.services.runtime.execSync(request, {});
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
    return { code: reply.exitCode, stdout: text(reply.stdout), stderr: text(reply.stderr) };
  }

  async remove(): Promise<void> {
    const request = { podSandboxId: this.id };
    await this.target.services.runtime.stopPodSandbox(request, {});
    await this.target.services.runtime.removePodSandbox(request, {});
  }
}

export interface LogLine {
  time: string;
  stream: string;
  tag: string;
  text: string;
}

/** The lines of a log in the CRI's format; empty when there is no file. */
export function readLog(path: string): LogLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [time = "", stream = "", tag = ""] = line.split(" ", 3);
      const text = line.slice(time.length + stream.length + tag.length + 3);
      return { time, stream, tag, text };
    });
}

/** Runs work with a pod that is removed afterwards, however it ends. */
export async function withPod(
  target: CriTarget,
  work: (pod: TestPod) => Promise<void>,
  more: PodInit = {},
): Promise<void> {
  const pod = await TestPod.run(target, more);
  try {
    await work(pod);
  } finally {
    await pod.remove();
  }
}

/** What a call is refused with; throws when it is not refused. */
export async function refusal(
  call: Promise<unknown>,
): Promise<Error & { outer: { code: string } }> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown === undefined) throw new Error("the call was not refused");
  return thrown as Error & { outer: { code: string } };
}
