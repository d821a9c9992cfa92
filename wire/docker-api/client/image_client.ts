import type { CallContext } from "#lib/rpc/service.ts";
import type { DockerEngine } from "../engine.ts";
import { errorFromReply } from "../errors.ts";
import type { RegistryOperations } from "../registry_operations.ts";
import type {
  BuildPruned,
  ImageHistoryItem,
  ImageInspect,
  ImageRemoved,
  ImageSummary,
  ImagesPruned,
  ProgressMessage,
} from "../types/image.ts";
import type {
  AuthReply,
  DistributionInspect,
  RegistryAuth,
  SearchResult,
} from "../types/registry.ts";
import { buildRequest } from "./build_request.ts";
import { bodyOf, readJsonLines } from "./json_lines.ts";
import { filtersText, segment } from "./path_segment.ts";
import type { DockerTransport, RequestOptions } from "./transport.ts";

type ImagePart = Pick<
  DockerEngine,
  | "imageList"
  | "imageInspect"
  | "imageHistory"
  | "imageTag"
  | "imageRemove"
  | "imagePrune"
  | "buildPrune"
  | "imageImport"
  | "imagePull"
  | "imagePush"
  | "imageSearch"
  | "distributionInspect"
  | "registryLogin"
  | "imageBuild"
  | "imageLoad"
  | "imageSave"
  | "containerCommit"
>;

/** Daemons want the header of a push even when it holds nothing. */
const authHeader = (auth: RegistryAuth = {}) => ({
  "X-Registry-Auth": Buffer.from(JSON.stringify(auth)).toString("base64url"),
});

/** A progress stream. Its last message may be an error, which is thrown. */
async function* progress(
  http: DockerTransport,
  path: string,
  options: RequestOptions,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const reply = await http.request("POST", path, options, context);
  for await (const message of readJsonLines<ProgressMessage>(bodyOf(reply))) {
    if (message.error === undefined) {
      yield message;
      continue;
    }
    const chain = (message.errorDetail as { chain?: unknown } | undefined)?.chain;
    throw errorFromReply(500, JSON.stringify({ message: message.error, chain }), `POST ${path}`);
  }
}

/** Images over HTTP. */
export function imageClient(http: DockerTransport): ImagePart {
  const image = (name: string) => `/images/${segment(name)}`;
  return {
    imageList: ({ all, digests, filters }, context) =>
      http.json<ImageSummary[]>(
        "GET",
        "/images/json",
        { query: { all, digests, filters: filtersText(filters) } },
        context,
      ),
    imageInspect: (name, context) =>
      http.json<ImageInspect>("GET", `${image(name)}/json`, {}, context),
    imageHistory: (name, context) =>
      http.json<ImageHistoryItem[]>("GET", `${image(name)}/history`, {}, context),
    imageTag: async (name, repo, tag, context) => {
      await http.status("POST", `${image(name)}/tag`, { query: { repo, tag } }, context);
    },
    imageRemove: (name, { force, noPrune }, context) =>
      http.json<ImageRemoved[]>(
        "DELETE",
        image(name),
        { query: { force, noprune: noPrune } },
        context,
      ),
    imagePrune: (filters, context) =>
      http.json<ImagesPruned>(
        "POST",
        "/images/prune",
        { query: { filters: filtersText(filters) } },
        context,
      ),
    buildPrune: (context) => http.json<BuildPruned>("POST", "/build/prune", {}, context),
    imageImport: (tar, { url, ...options }, context) => {
      const query = { fromSrc: url ?? "-", ...options };
      const body = url === undefined ? { body: tar } : {};
      return progress(http, "/images/create", { query, ...body }, context);
    },
    ...registryClient(http),
    imageBuild: (tar, options, context) =>
      progress(http, "/build", { ...buildRequest(options), body: tar }, context),
    imageLoad: (tar, { quiet }, context) =>
      progress(http, "/images/load", { query: { quiet: quiet ? "1" : "0" }, body: tar }, context),
    imageSave: async (names, context) =>
      bodyOf(await http.request("GET", "/images/get", { query: { names } }, context)),
    containerCommit: ({ config, ...options }, context) =>
      http.json<{ Id: string }>(
        "POST",
        "/commit",
        { query: { ...options, pause: options.pause ? "1" : "0" }, json: config ?? {} },
        context,
      ),
  };
}

/** What asks a registry. */
function registryClient(http: DockerTransport): RegistryOperations {
  const image = (name: string) => `/images/${segment(name)}`;
  return {
    imagePull: (name, tag, platform, context, auth) => {
      const query = { fromImage: name, tag, platform };
      return progress(http, "/images/create", { query, headers: authHeader(auth) }, context);
    },
    imagePush: (name, tag, context, auth) =>
      progress(http, `${image(name)}/push`, { query: { tag }, headers: authHeader(auth) }, context),
    imageSearch: ({ term, limit, filters }, context, auth) => {
      const query = { term, limit, filters: filtersText(filters) };
      const options = { query, headers: authHeader(auth) };
      return http.json<SearchResult[]>("GET", "/images/search", options, context);
    },
    distributionInspect: (name, context, auth) =>
      http.json<DistributionInspect>(
        "GET",
        `/distribution/${segment(name)}/json`,
        { headers: authHeader(auth) },
        context,
      ),
    registryLogin: (auth, context) =>
      http.json<AuthReply>("POST", "/auth", { json: auth }, context),
  };
}
