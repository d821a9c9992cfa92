import { failure } from "#lib/errors/chain_error.ts";
import type { ImageBuildOptions } from "../types/build.ts";
import type { HostConfig, Ulimit } from "../types/container_config.ts";
import { checkShape, type Shape, STRING_MAP, STRINGS } from "./body_shape.ts";
import { type Exchange, refusal } from "./exchange.ts";
import { sendMessages } from "./json_stream.ts";
import type { Query } from "./query.ts";
import { registryConfig } from "./registry_header.ts";
import type { Route } from "./route.ts";

const ULIMITS: Shape = { array: { object: { Name: "string", Soft: "int", Hard: "int" } } };

function jsonParameter<T>(query: Query, name: string, shape: Shape, otherwise: T): T {
  const text = query.text(name);
  if (text === "") return otherwise;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refusal(`error reading ${name}: it is not JSON`);
  }
  return (checkShape(value, shape, name) as T | null) ?? otherwise;
}

function hostConfigOf(query: Query): HostConfig {
  const host: HostConfig = {};
  const number = (name: string) => query.int(name) || undefined;
  const numbers = {
    Memory: number("memory"),
    MemorySwap: number("memswap"),
    CpuShares: number("cpushares"),
    CpuPeriod: number("cpuperiod"),
    CpuQuota: number("cpuquota"),
    ShmSize: number("shmsize"),
  };
  const texts = {
    CpusetCpus: query.text("cpusetcpus"),
    CpusetMems: query.text("cpusetmems"),
    CgroupParent: query.text("cgroupparent"),
    NetworkMode: query.text("networkmode"),
  };
  for (const [name, value] of Object.entries({ ...numbers, ...texts })) {
    if (value !== undefined && value !== "") Object.assign(host, { [name]: value });
  }
  const ulimits = jsonParameter<Ulimit[]>(query, "ulimits", ULIMITS, []);
  if (ulimits.length > 0) host.Ulimits = ulimits;
  const hosts = query.all("extrahosts").flatMap((text) => text.split(",").filter(Boolean));
  if (hosts.length > 0) host.ExtraHosts = hosts;
  const options = query.all("securityopt").filter(Boolean);
  if (options.length > 0) host.SecurityOpt = options;
  return host;
}

function buildOptions(exchange: Exchange): ImageBuildOptions {
  const { query } = exchange;
  if (query.text("version") === "2") throw noBuildKit();
  if (query.flag("squash")) throw refusal("squash is only supported with experimental mode");
  return {
    tags: query.all("t").filter(Boolean),
    dockerfile: query.text("dockerfile"),
    remote: query.text("remote"),
    buildArgs: jsonParameter(query, "buildargs", STRING_MAP, {}),
    labels: jsonParameter(query, "labels", STRING_MAP, {}),
    target: query.text("target"),
    platform: query.text("platform"),
    noCache: query.flag("nocache"),
    cacheFrom: jsonParameter<string[]>(query, "cachefrom", STRINGS, []),
    pull: query.flag("pull"),
    quiet: query.flag("q"),
    remove: query.text("rm") === "" || query.flag("rm"),
    forceRemove: query.flag("forcerm"),
    hostConfig: hostConfigOf(query),
    auths: registryConfig(exchange),
  };
}

const noBuildKit = () =>
  failure({
    layer: "dockerd",
    op: "build",
    code: "unimplemented",
    message: "BuildKit is not part of this daemon: it has the classic builder",
    fix: "set DOCKER_BUILDKIT=0 for the docker CLI",
  });

/** Building images. */
export const buildRoutes: Route[] = [
  {
    method: "POST",
    path: "/build",
    name: "image.build",
    handle: (exchange) => {
      const { engine, context } = exchange;
      const options = buildOptions(exchange);
      return sendMessages(exchange, engine.imageBuild(exchange.body(), options, context));
    },
  },
  {
    method: "POST",
    path: "/build/prune",
    name: "build.prune",
    handle: async (exchange) =>
      exchange.send(200, await exchange.engine.buildPrune(exchange.context)),
  },
  {
    method: "POST",
    path: "/build/cancel",
    name: "build.cancel",
    // A classic build ends when its client goes away.
    handle: (exchange) => exchange.sendEmpty(204),
  },
];
