import type { Descriptor } from "#lib/registry/manifest.ts";
import { invalid } from "../refusals.ts";
import { fileOf, jsonOf, type Spool, type SpooledFile } from "./archive_spool.ts";
import type { HistoryItem, ImageConfig } from "./image_types.ts";
import { fullName, parseReference } from "./reference.ts";

/** Most layers of one image. */
const MAX_LAYERS = 127;
/** What images had of their own before their configuration was one file. */
const DROPPED = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"];

interface LegacyLayer {
  parent?: string;
  created?: string;
  author?: string;
  comment?: string;
  container_config?: { Cmd?: string[] | null };
}

export interface LegacyImage {
  /** The configuration, byte by byte. */
  bytes: Uint8Array;
  config: ImageConfig;
  layers: Descriptor[];
  names: string[];
}

/** Archives of docker before 1.10: names in `repositories`, a folder a layer. */
export const isLegacyArchive = (spool: Spool) =>
  spool.has("repositories") && !spool.has("index.json");

/**
 * Reads an archive of docker before 1.10. `store` stores a layer. Configurations are made as
 * genuine dockerd makes them, so that ids are the same.
 */
export async function* readLegacyArchive(
  spool: Spool,
  store: (file: SpooledFile) => Promise<Descriptor>,
): AsyncIterable<LegacyImage> {
  const repositories = await jsonOf<Record<string, Record<string, string>>>(spool, "repositories");
  const names = new Map<string, string[]>();
  for (const [name, tags] of Object.entries(repositories ?? {})) {
    for (const [tag, id] of Object.entries(tags ?? {})) {
      const full = fullName(parseReference(`${name}:${tag}`));
      names.set(id, [...(names.get(id) ?? []), full]);
    }
  }
  for (const [id, own] of names) yield { ...(await readImage(spool, id, store)), names: own };
}

async function readImage(
  spool: Spool,
  id: string,
  store: (file: SpooledFile) => Promise<Descriptor>,
): Promise<Omit<LegacyImage, "names">> {
  const chain: { id: string; layer: LegacyLayer }[] = [];
  for (let next: string | undefined = id; next; ) {
    if (chain.length >= MAX_LAYERS) throw invalid("load image", "the image has too many layers");
    const layer: LegacyLayer = await jsonOf<LegacyLayer>(spool, `${next}/json`);
    chain.unshift({ id: next, layer });
    next = layer.parent;
  }
  const layers: Descriptor[] = [];
  const history: HistoryItem[] = [];
  for (const { id: layerId, layer } of chain) {
    layers.push(await store(fileOf(spool, `${layerId}/layer.tar`)));
    history.push(historyOf(layer));
  }
  const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
  const top = { ...(chain.at(-1)!.layer as object), rootfs, history };
  const kept = Object.entries(top).filter(([key]) => !DROPPED.includes(key));
  kept.sort(([a], [b]) => (a < b ? -1 : 1));
  const config = Object.fromEntries(kept) as unknown as ImageConfig;
  return { bytes: Buffer.from(goJson(config)), config, layers };
}

function historyOf({ created, author, comment, container_config }: LegacyLayer): HistoryItem {
  const by = (container_config?.Cmd ?? []).join(" ");
  return {
    ...(created ? { created } : {}),
    ...(author ? { author } : {}),
    ...(by ? { created_by: by } : {}),
    ...(comment ? { comment } : {}),
  };
}

/** JSON as Go writes it: safe inside of HTML. */
const goJson = (value: unknown) =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
