import { Readable } from "node:stream";
import type { CallContext } from "#lib/rpc/service.ts";
import type { DockerEngine, OutputChunk } from "#wire/docker-api/engine.ts";
import { FrameDecoder } from "#wire/docker-api/stdcopy.ts";
import type { ContainerSummary, ContainerWaited } from "#wire/docker-api/types/container_view.ts";
import type { ImageSummary, ProgressMessage } from "#wire/docker-api/types/image.ts";
import { openHijacked } from "./hijacked_stream.ts";
import { exchangeJson, openExchange } from "./http_exchange.ts";

/** What the commands need of a Docker Engine, ours or the genuine one. */
export type DockerCalls = Pick<
  DockerEngine,
  | "containerCreate"
  | "containerStart"
  | "containerAttach"
  | "containerWait"
  | "containerResize"
  | "containerList"
  | "containerLogs"
  | "containerRemove"
  | "execCreate"
  | "execStart"
  | "execResize"
  | "execInspect"
  | "imageList"
  | "imageImport"
>;

type Query = Record<string, string | number | boolean | string[] | undefined>;

/** The calls over the Engine API at a unix socket. Nothing is opened before the first. */
export function dockerCalls(socketPath: string): DockerCalls {
  const json: JsonCall = async (op, method, path, context, body) =>
    (await exchangeJson(socketPath, { op, method, path, body }, context)) as never;
  return {
    ...containerCalls(socketPath, json),
    ...execCalls(socketPath, json),
    ...imageCalls(socketPath, json),
  };
}

type JsonCall = <T>(
  op: string,
  method: string,
  path: string,
  context: CallContext,
  body?: unknown,
) => Promise<T>;

function containerCalls(
  socketPath: string,
  json: JsonCall,
): Pick<DockerCalls, Extract<keyof DockerCalls, `container${string}`>> {
  return {
    containerCreate: ({ name, body }, context) =>
      json("create", "POST", url("/containers/create", { name: name || undefined }), context, body),
    containerStart: async (id, context) => {
      const path = `/containers/${part(id)}/start`;
      const response = await openExchange(
        socketPath,
        { op: "start", method: "POST", path },
        context,
      );
      response.resume();
      return response.statusCode !== 304;
    },
    containerAttach: async (id, options, context) => {
      const { Config } = await json<{ Config: { Tty: boolean } }>(
        "inspect",
        "GET",
        `/containers/${part(id)}/json`,
        context,
      );
      const { stdin, stdout, stderr, stream, logs, detachKeys } = options;
      const keys = detachKeys || undefined;
      const query = { stdin, stdout, stderr, stream, logs, detachKeys: keys };
      const path = url(`/containers/${part(id)}/attach`, query);
      return openHijacked(socketPath, { op: "attach", path, tty: Config.Tty, stdin }, context);
    },
    containerWait: async (id, condition, context) => {
      const path = url(`/containers/${part(id)}/wait`, { condition });
      const response = await openExchange(
        socketPath,
        { op: "wait", method: "POST", path },
        context,
      );
      return { done: readWhole(response).then((text) => JSON.parse(text) as ContainerWaited) };
    },
    containerResize: async (id, h, w, context) => {
      await json("resize", "POST", url(`/containers/${part(id)}/resize`, { h, w }), context);
    },
    containerList: ({ all }, context) =>
      json<ContainerSummary[]>("ps", "GET", url("/containers/json", { all }), context),
    containerLogs: (id, options, context) => openLogs(socketPath, id, options, context),
    containerRemove: async (id, { force, volumes }, context) => {
      await json("rm", "DELETE", url(`/containers/${part(id)}`, { force, v: volumes }), context);
    },
  };
}

function execCalls(
  socketPath: string,
  json: JsonCall,
): Pick<DockerCalls, Extract<keyof DockerCalls, `exec${string}`>> {
  return {
    execCreate: (id, body, context) =>
      json("exec", "POST", `/containers/${part(id)}/exec`, context, body),
    execStart: async (id, body, context) => {
      const path = `/exec/${part(id)}/start`;
      if (body.Detach) {
        await json("exec", "POST", path, context, body);
        return undefined;
      }
      const { OpenStdin } = await json<{ OpenStdin: boolean }>(
        "exec",
        "GET",
        `/exec/${part(id)}/json`,
        context,
      );
      const request = { op: "exec", path, body, tty: body.Tty === true, stdin: OpenStdin };
      return openHijacked(socketPath, request, context);
    },
    execResize: async (id, h, w, context) => {
      await json("resize", "POST", url(`/exec/${part(id)}/resize`, { h, w }), context);
    },
    execInspect: (id, context) => json("exec", "GET", `/exec/${part(id)}/json`, context),
  };
}

function imageCalls(
  socketPath: string,
  json: JsonCall,
): Pick<DockerCalls, Extract<keyof DockerCalls, `image${string}`>> {
  return {
    imageList: ({ all }, context) =>
      json<ImageSummary[]>("images", "GET", url("/images/json", { all }), context),
    imageImport: (tar, options, context) => {
      const { repo, tag, message, changes } = options;
      const query = { fromSrc: "-", repo, tag: tag || undefined, message, changes };
      return importTar(socketPath, url("/images/create", query), tar, context);
    },
  };
}

async function openLogs(
  socketPath: string,
  id: string,
  options: Parameters<DockerEngine["containerLogs"]>[1],
  context: CallContext,
) {
  const inspect = { op: "inspect", method: "GET", path: `/containers/${part(id)}/json` };
  const about = (await exchangeJson(socketPath, inspect, context)) as { Config: { Tty: boolean } };
  const { stdout, stderr, follow, timestamps, tail } = options;
  const query = { stdout, stderr, follow, timestamps, tail: tail ?? "all" };
  const path = url(`/containers/${part(id)}/logs`, query);
  const response = await openExchange(socketPath, { op: "logs", method: "GET", path }, context);
  const tty = about.Config.Tty;
  return { tty, output: decoded(response as AsyncIterable<Buffer>, tty) };
}

async function* decoded(body: AsyncIterable<Buffer>, tty: boolean): AsyncIterable<OutputChunk> {
  const decoder = new FrameDecoder();
  for await (const bytes of body) {
    if (tty) yield { stream: 1, data: bytes };
    else yield* decoder.push(bytes);
  }
}

async function* importTar(
  socketPath: string,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const stream = tar instanceof Readable ? tar : Readable.from(tar);
  const call = { op: "import", method: "POST", path, stream };
  const text = await readWhole(await openExchange(socketPath, call, context));
  for (const line of text.split("\n")) {
    if (line.trim() !== "") yield JSON.parse(line) as ProgressMessage;
  }
}

async function readWhole(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** A name within a path: a slash or an escape in it must not make another path. */
function part(name: string): string {
  return encodeURIComponent(name);
}

function url(path: string, query: Query): string {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      words.append(key, one === true ? "1" : String(one));
    }
  }
  const text = words.toString();
  return text === "" ? path : `${path}?${text}`;
}
