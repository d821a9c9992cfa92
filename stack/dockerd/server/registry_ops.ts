import { toChainError } from "#lib/errors/chain_error.ts";
import { isIndex, parseIndex, parseManifest } from "#lib/registry/manifest.ts";
import { refusalOf } from "#lib/registry/registry_client.ts";
import { searchRepositories } from "#lib/registry/registry_list.ts";
import { fetchManifest, readBlob } from "#lib/registry/registry_read.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "#wire/docker-api/engine.ts";
import type {
  AuthReply,
  DistributionInspect,
  RegistryAuth,
  SearchResult,
} from "#wire/docker-api/types/registry.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter } from "../filters.ts";
import type { ImageConfig } from "../images/image_types.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { registryAccess } from "../images/registry_access.ts";
import { splitRepository, withRegistry } from "../images/registry_lookup.ts";
import { pullRefused } from "../images/registry_words.ts";
import { invalid } from "../refusals.ts";

const HUB = "docker.io";
/** Docker Hub's search lies at another host than its images. */
const HUB_SEARCH = "index.docker.io";
const DEFAULT_RESULTS = 25;
const MAX_RESULTS = 100;
const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

const signalOf = ({ signal }: CallContext) => signal ?? new AbortController().signal;

/** POST /auth: asks the registry whether it accepts the credentials. Nothing is kept. */
export async function registryLogin(
  daemon: Daemon,
  auth: RegistryAuth,
  context: CallContext,
): Promise<AuthReply> {
  const host = serverHost(auth.serveraddress ?? "");
  const access = registryAccess(daemon, auth, signalOf(context));
  try {
    await withRegistry(host, access, "push", async (client) => {
      const request = { method: "GET", path: "/v2/", scope: "" };
      const reply = await client.send(request);
      if (reply.status !== 200) throw await refusalOf(request, reply);
      await reply.discard();
    });
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "log in");
    // As dockerd: of a registry that is not there its own words are told.
    const there = error.outer.code !== "unavailable";
    const message = there ? `login attempt to ${host} failed` : "";
    throw error.wrap({ layer: "dockerd", op: "log in", code: error.outer.code, message });
  }
  return { Status: "Login Succeeded", IdentityToken: "" };
}

/** `https://index.docker.io/v1/`, `localhost:5000` and "" name registries too. */
function serverHost(address: string): string {
  const host = address.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
  return host === "" || host === HUB_SEARCH || host === "registry-1.docker.io" ? HUB : host;
}

/** GET /images/search */
export async function imageSearch(
  daemon: Daemon,
  options: { term: string; limit?: number; filters: Filters },
  auth: RegistryAuth,
  context: CallContext,
): Promise<SearchResult[]> {
  const { term, limit = DEFAULT_RESULTS, filters } = options;
  checkFilters(filters, ["is-automated", "is-official", "stars"]);
  if (term === "") throw invalid("search images", "no search term given");
  if (limit < 1 || limit > MAX_RESULTS) {
    throw invalid("search images", `limit ${limit} is outside the range of [1, ${MAX_RESULTS}]`);
  }
  const slash = term.indexOf("/");
  const named = slash > 0 && /[.:]|^localhost$/.test(term.slice(0, slash));
  const host = named ? term.slice(0, slash) : HUB_SEARCH;
  const words = named ? term.slice(slash + 1) : term;
  const access = registryAccess(daemon, auth, signalOf(context));
  const found = await searchAt(host, words, limit, access);
  const official = flagFilter(filters, "is-official");
  const automated = flagFilter(filters, "is-automated");
  const stars = Number(filters["stars"]?.[0] ?? 0);
  return found.filter(
    (item) =>
      (official === undefined || item.is_official === official) &&
      (automated === undefined || item.is_automated === automated) &&
      item.star_count >= stars,
  );
}

async function searchAt(
  host: string,
  words: string,
  limit: number,
  access: ReturnType<typeof registryAccess>,
) {
  try {
    return await withRegistry(host, access, "push", (client) =>
      searchRepositories(client, words, limit),
    );
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "search images");
    throw error.wrap({
      layer: "dockerd",
      op: "search images",
      code: error.outer.code === "cancelled" ? "cancelled" : "unavailable",
      message: `error searching ${host} for ${JSON.stringify(words)}`,
      cause: "the registry's search could not be asked; most private registries have none",
      fix: "check that this host reaches the registry, or pull by the image's full name",
    });
  }
}

/** GET /distribution/NAME/json: what a registry has, without fetching it. */
export async function distributionInspect(
  daemon: Daemon,
  name: string,
  auth: RegistryAuth,
  context: CallContext,
): Promise<DistributionInspect> {
  const reference = parseReference(name);
  const { host, path } = splitRepository(reference.repository);
  const access = registryAccess(daemon, auth, signalOf(context));
  try {
    return await withRegistry(host, access, "pull", async (client) => {
      const wanted = reference.digest ?? reference.tag ?? "latest";
      const top = await fetchManifest(client, path, wanted);
      const { mediaType, digest, size } = top.descriptor;
      const Descriptor = { mediaType, digest, size };
      if (isIndex(mediaType)) {
        const entries = parseIndex(top.bytes).manifests;
        return { Descriptor, Platforms: entries.flatMap((entry) => entry.platform ?? []) };
      }
      const { config } = parseManifest(top.bytes);
      const parts: Uint8Array[] = [];
      if (config.size > MAX_CONFIG_BYTES) throw invalid("inspect", "configuration is too long");
      const source = { client, repository: path, descriptor: config };
      for await (const part of readBlob(source, 0)) parts.push(part);
      const value = JSON.parse(Buffer.concat(parts).toString("utf8")) as ImageConfig;
      const { architecture, os, variant } = value;
      const platform = { architecture, os, ...(variant ? { variant } : {}) };
      return { Descriptor, Platforms: [platform] };
    });
  } catch (error) {
    throw pullRefused(error, familiarName(fullName(reference)));
  }
}
