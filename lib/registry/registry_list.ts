import type { RegistryClient } from "./registry_client.ts";
import { registryFault } from "./registry_failure.ts";

const MAX_PAGES = 100;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** All tags of a repository, page by page. */
export async function listTags(client: RegistryClient, repository: string): Promise<string[]> {
  const scope = `repository:${repository}:pull`;
  const tags: string[] = [];
  let path: string | undefined = `/v2/${repository}/tags/list`;
  for (let page = 0; path !== undefined && page < MAX_PAGES; page++) {
    const reply = await client.expect({ method: "GET", path, scope }, [200]);
    tags.push(...readTags(await reply.text(MAX_PAGE_BYTES)));
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(reply.headers.get("link") ?? "")?.[1];
    path = next && new URL(next, reply.url).href;
  }
  return tags;
}

function readTags(text: string): string[] {
  try {
    const { tags } = JSON.parse(text) as { tags?: unknown };
    if (tags === null) return [];
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string")) return tags;
  } catch {
    // Told below.
  }
  throw registryFault("list tags", "the registry's list of tags is malformed");
}

export interface FoundRepository {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

/** Asks a registry's search, which only registries of version 1's interface have. */
export async function searchRepositories(
  client: RegistryClient,
  term: string,
  limit: number,
): Promise<FoundRepository[]> {
  const path = `/v1/search?q=${encodeURIComponent(term)}&n=${limit}`;
  const reply = await client.expect({ method: "GET", path, scope: "" }, [200]);
  const text = await reply.text(MAX_PAGE_BYTES);
  try {
    const { results } = JSON.parse(text) as { results?: Partial<FoundRepository>[] };
    return (results ?? []).map((item) => ({
      name: item.name ?? "",
      description: item.description ?? "",
      star_count: item.star_count ?? 0,
      is_official: item.is_official ?? false,
      is_automated: item.is_automated ?? false,
    }));
  } catch {
    throw registryFault("search", "the registry's search results are malformed");
  }
}
