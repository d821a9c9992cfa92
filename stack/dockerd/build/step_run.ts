import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { Daemon } from "../daemon.ts";
import { containerAttach } from "../server/container_attach.ts";
import { changesLayer } from "../server/container_commit.ts";
import { containerCreate } from "../server/container_create.ts";
import { containerRemove } from "../server/container_remove.ts";
import { containerStart } from "../server/container_start.ts";
import type { Build, BuildStage } from "./build_stage.ts";
import type { Instruction } from "./dockerfile.ts";
import { takeFlags } from "./instruction_args.ts";
import { commandLine } from "./step_config.ts";

/** RUN: runs a command in a container of the image so far, and keeps what it changed. */
export async function runStep(stage: BuildStage, instruction: Instruction): Promise<void> {
  const { build, config } = stage;
  const { rest } = takeFlags(instruction, []);
  const args = commandLine(stage, rest);
  const variables = build.args.allowed(config.Env ?? []);
  const remembered = build.args.remembered(variables).sort();
  const saved = variables.length > 0 ? [`|${remembered.length}`, ...remembered, ...args] : args;
  const stepConfig: ContainerConfig = { ...config, Cmd: saved, Entrypoint: null };
  if (await stage.fromCache(stepConfig)) return;
  // A container needs an image, if only one that has nothing in it.
  if (!stage.image) await stage.commit(stage.noted("FROM scratch"), undefined);
  const id = await createContainer(stage, args, variables);
  stage.tell(` ---> Running in ${id.slice(0, 12)}\n`);
  const code = await runContainer(build, id);
  if (code !== 0) throw commandFailed(args, code);
  const layer = await changesLayer(build.daemon, build.daemon.find(id), build.call);
  await stage.commit(stepConfig, layer, id);
}

function commandFailed(args: string[], code: number) {
  return failure({
    layer: "dockerd",
    op: "build",
    code: "unknown",
    message: `The command '${args.join(" ")}' returned a non-zero code: ${code}`,
    evidence: [{ kind: "exit", value: String(code), ref: "command" }],
  });
}

async function createContainer(
  stage: BuildStage,
  args: string[],
  variables: string[],
): Promise<string> {
  const { build, config, image } = stage;
  const body = {
    ...config,
    Image: image!.id,
    Cmd: args,
    Entrypoint: [""],
    Env: [...(config.Env ?? []), ...variables],
    Healthcheck: { Test: ["NONE"] },
    OnBuild: null,
    HostConfig: build.options.hostConfig,
  };
  const { Id } = await containerCreate(build.daemon, { name: "", platform: "", body }, {});
  build.containers.push(Id);
  return Id;
}

/** Runs a container to its end and passes its output on. A build that is given up kills it. */
async function runContainer(build: Build, id: string): Promise<number> {
  const { daemon, signal } = build;
  const streams = await containerAttach(daemon, id, ATTACH, {});
  const ended = daemon.find(id).nextExit(signal);
  ended.catch(() => undefined);
  try {
    await containerStart(daemon, id, {});
    await passOutput(build, streams.output);
    return (await ended).StatusCode;
  } catch (error) {
    await streams.output[Symbol.asyncIterator]().return?.();
    // Nobody waits for it any more, and nobody would stop it.
    if (signal.aborted) await removeContainers(build, false);
    throw error;
  }
}

const ATTACH = {
  stdin: false,
  stdout: true,
  stderr: true,
  stream: true,
  logs: false,
  detachKeys: "",
};

/** Standard error is red, as docker's builder paints it. */
async function passOutput(
  { feed, signal }: Build,
  output: AsyncIterable<{ stream: 1 | 2; data: Uint8Array }>,
): Promise<void> {
  const decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
  const leave = new Promise<"left">((resolve) => {
    if (signal.aborted) resolve("left");
    signal.addEventListener("abort", () => resolve("left"), { once: true });
  });
  const iterator = output[Symbol.asyncIterator]();
  for (;;) {
    const item = await Promise.race([iterator.next(), leave]);
    if (item === "left" || item.done) return;
    const { stream, data } = item.value;
    const text = decoders[stream].decode(data, { stream: true });
    feed.tell({ stream: stream === 1 ? text : `\u001b[91m${text}\u001b[0m` });
    await Promise.race([feed.room(), leave]);
  }
}

/** Removes the containers of steps, those that run too. */
export async function removeContainers(build: Build, tell: boolean): Promise<void> {
  for (const id of build.containers.splice(0)) {
    await removeOne(build.daemon, id, {});
    if (tell) {
      build.feed.tell({ stream: `Removing intermediate container ${id.slice(0, 12)}\n` });
    }
  }
}

async function removeOne(daemon: Daemon, id: string, context: CallContext): Promise<void> {
  const options = { force: true, volumes: true, link: false };
  await containerRemove(daemon, id, options, context).catch((error: unknown) =>
    daemon.log.warn("a build's container stays", { id, error: String(error) }),
  );
}
