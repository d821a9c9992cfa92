import type { Shape } from "#wire/docker-api/server/body_shape.ts";
import * as shapes from "#wire/docker-api/server/request_shapes.ts";
import type { Random } from "../lib/random.ts";
import { anyText, anyValue } from "./fuzz_values.ts";

/** One operation of the Engine API. `{}` in the path is a name; `query` are the keys it reads. */
interface Operation {
  method: string;
  path: string;
  query: string[];
  body?: Shape;
  /** What the body holds in any case, so that more than the first check is reached. */
  base?: object;
}

export interface FuzzRequest {
  method: string;
  path: string;
  body: string | undefined;
}

const FILTERS = ["label", "name", "id", "status", "until", "type", "dangling", "before", "publish"];
/** Names that are there, and such as can only be refused. */
const NAMES = ["running", "front", "bridge", "kept", "catest:latest", "nobody", "none"];

const operation = (text: string, query: string[] = [], body?: Shape, base?: object): Operation => {
  const [method = "", path = ""] = text.split(" ");
  return { method, path, query, ...(body ? { body } : {}), ...(base ? { base } : {}) };
};

/** All of the API but what waits for ever by design, needs a registry, or runs what it was sent. */
const OPERATIONS: Operation[] = [
  operation("POST /containers/create", ["name", "platform"], shapes.CONTAINER_CREATE, {
    Image: "catest:latest",
    Cmd: ["true"],
  }),
  operation("GET /containers/json", ["all", "limit", "size", "filters", "before", "since"]),
  operation("GET /containers/{}/json", ["size"]),
  operation("GET /containers/{}/top", ["ps_args"]),
  operation("GET /containers/{}/logs", [
    "stdout",
    "stderr",
    "since",
    "until",
    "tail",
    "timestamps",
  ]),
  operation("GET /containers/{}/changes"),
  operation("GET /containers/{}/stats", ["one-shot"]),
  operation("POST /containers/{}/resize", ["h", "w"]),
  operation("POST /containers/{}/rename", ["name"]),
  operation("POST /containers/{}/update", [], shapes.CONTAINER_UPDATE),
  operation("POST /containers/{}/kill", ["signal"]),
  operation("POST /containers/{}/exec", [], shapes.EXEC_CREATE, { Cmd: ["true"] }),
  operation("POST /exec/{}/start", [], shapes.EXEC_START),
  operation("GET /exec/{}/json"),
  operation("GET /containers/{}/archive", ["path"]),
  operation("PUT /containers/{}/archive", ["path", "noOverwriteDirNonDir", "copyUIDGID"]),
  operation("POST /containers/prune", ["filters"]),
  operation(
    "POST /commit",
    ["container", "repo", "tag", "pause", "changes"],
    shapes.CONTAINER_CONFIG,
  ),
  operation("GET /images/json", ["all", "filters", "digests"]),
  operation("GET /images/{}/json"),
  operation("GET /images/{}/history"),
  operation("POST /images/{}/tag", ["repo", "tag"]),
  operation("GET /volumes", ["filters"]),
  operation("POST /volumes/create", [], shapes.VOLUME_CREATE),
  operation("GET /volumes/{}"),
  operation("DELETE /volumes/{}", ["force"]),
  operation("POST /volumes/prune", ["filters"]),
  operation("GET /networks", ["filters"]),
  operation("GET /networks/{}"),
  operation("POST /networks/create", [], shapes.NETWORK_CREATE, { Name: "made" }),
  operation("POST /networks/{}/connect", [], shapes.NETWORK_CONNECT),
  operation("POST /networks/{}/disconnect", [], shapes.NETWORK_DISCONNECT),
  operation("POST /networks/prune", ["filters"]),
  operation("GET /system/df", ["type"]),
  operation("GET /info"),
  operation("GET /plugins/{}/json"),
  operation("POST /swarm/init"),
];

/** A hostile request for any operation. */
export function anyRequest(random: Random): FuzzRequest {
  const { method, path, query, body, base } = random.pick(OPERATIONS);
  const name = () => encodeURIComponent(random.chance(0.7) ? random.pick(NAMES) : anyText(random));
  const keys = query.filter(() => random.chance(0.5));
  const pairs = keys.map((key) => `${key}=${encodeURIComponent(queryValue(random, key))}`);
  const text = body ? bodyText(random, body, base) : undefined;
  return {
    method,
    path: `${path.replaceAll("{}", name)}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`,
    body: text,
  };
}

function queryValue(random: Random, key: string): string {
  if (key !== "filters" || random.chance(0.2)) return anyText(random);
  const value = random.chance(0.8) ? [anyText(random)] : { [anyText(random)]: true };
  return JSON.stringify({ [random.pick(FILTERS)]: value });
}

function bodyText(random: Random, shape: Shape, base: object | undefined): string {
  const value = anyValue(random, shape);
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  const text = JSON.stringify(plain && base ? { ...base, ...value } : value);
  return random.chance(0.03) ? text.slice(0, -1) : text;
}
