import { createHash, randomBytes } from "node:crypto";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { toChainError } from "#lib/errors/chain_error.ts";
import { type ContentStores, ContentWriter } from "../content/content_writer.ts";
import type { Labels } from "../metadata/labels.ts";
import { changesBetween, changesOfUpper, type LayerChange } from "./layer_changes.ts";
import { compressor, layerCompression } from "./layer_compression.ts";
import { packLayer } from "./layer_pack.ts";
import { optionValue, type RequestMount } from "./layer_target.ts";
import { withTree } from "./mounted_tree.ts";

const DEFAULT_MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
/** Where clients look for a layer's diff id. */
const UNCOMPRESSED_LABEL = "containerd.io/uncompressed";

export interface CreateLayerRequest {
  left: readonly RequestMount[];
  right: readonly RequestMount[];
  mediaType: string;
  ref: string;
  labels: Labels;
  sourceDateEpoch?: Timestamp | undefined;
}

export interface CreatedLayer {
  mediaType: string;
  digest: string;
  size: bigint;
}

/** Makes a layer of the difference between two snapshots and stores it as content. */
export async function createLayer(
  stores: ContentStores,
  namespace: string,
  lease: string | undefined,
  request: CreateLayerRequest,
): Promise<CreatedLayer> {
  const { left, right } = request;
  const upper = upperOver(left, right);
  if (upper) return await writeLayer(stores, namespace, lease, request, changesOfUpper(upper));
  return await withTree(left, (before) =>
    withTree(right, async (after) => {
      const changes = after === undefined ? [] : changesBetween(before, after);
      return await writeLayer(stores, namespace, lease, request, changes);
    }),
  );
}

/** The upper folder of `right`, when it lies on just what `left` shows: it is the difference. */
function upperOver(
  left: readonly RequestMount[],
  right: readonly RequestMount[],
): string | undefined {
  const [mount] = right;
  const upper = mount?.type === "overlay" ? optionValue(mount.options, "upperdir") : undefined;
  if (!mount || !upper || right.length !== 1 || left.length !== 1) return undefined;
  const below = optionValue(mount.options, "lowerdir");
  const base = left[0]!;
  const shown = base.type === "bind" ? base.source : optionValue(base.options, "lowerdir");
  const writable = optionValue(base.options, "upperdir") !== undefined;
  return !writable && shown === below ? upper : undefined;
}

async function writeLayer(
  stores: ContentStores,
  namespace: string,
  lease: string | undefined,
  request: CreateLayerRequest,
  changes: Iterable<LayerChange>,
): Promise<CreatedLayer> {
  const mediaType = request.mediaType || DEFAULT_MEDIA_TYPE;
  const compress = compressor(layerCompression(mediaType));
  const ref = request.ref || `diff-${randomBytes(8).toString("hex")}`;
  const writer = await ContentWriter.open(stores, {
    namespace,
    lease,
    ref,
    expected: "",
    total: 0,
  });
  try {
    if (writer.offset > 0) await writer.restart();
    const hash = createHash("sha256");
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const store = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of bytes) await writer.write(chunk);
    };
    const archive = packLayer(changes, epochOf(request.sourceDateEpoch));
    const source = archive as unknown as NodeJS.ReadableStream;
    if (compress) await pipeline(source, meter, compress, store);
    else await pipeline(source, meter, store);
    const uncompressed = `sha256:${hash.digest("hex")}`;
    const { digest, offset } = writer;
    await commit(writer, { ...request.labels, [UNCOMPRESSED_LABEL]: uncompressed });
    return { mediaType, digest, size: BigInt(offset) };
  } catch (error) {
    const inner = toChainError(error, "containerd", "diff.create");
    const { code } = inner.outer;
    const message = "failed to write diff";
    throw inner.wrap({ layer: "containerd", op: "diff.create", code, message });
  } finally {
    await writer.close();
  }
}

/** The same layer may exist already: then there is nothing left to do. */
async function commit(writer: ContentWriter, labels: Labels): Promise<void> {
  try {
    await writer.commit(0, "", labels);
  } catch (error) {
    if (toChainError(error, "containerd", "diff.create").outer.code !== "already_exists")
      throw error;
  }
}

function epochOf(time: Timestamp | undefined): number | undefined {
  return time ? Number(time.seconds) : undefined;
}
