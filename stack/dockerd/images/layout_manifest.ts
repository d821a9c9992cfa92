import {
  type Descriptor,
  isIndex,
  type Manifest,
  manifestType,
  parseIndex,
  parseManifest,
} from "#lib/registry/manifest.ts";
import { choosePlatform, hostPlatform, platformText } from "#lib/registry/platform.ts";
import { invalid } from "../refusals.ts";
import { blobPath, bytesOf, type Spool } from "./archive_spool.ts";

/** An index in an index is common, since attestations came; deeper ones lead round in circles. */
const MAX_NESTING = 4;

/**
 * The image that an entry of an OCI layout stands for: of an index it is the one that suits this
 * host, so that the attestations beside it are passed over.
 */
export async function layoutManifest(spool: Spool, entry: Descriptor): Promise<Manifest> {
  let at = entry;
  for (let depth = 0; depth < MAX_NESTING; depth++) {
    const bytes = await bytesOf(spool, blobPath(at.digest));
    if (!isIndex(manifestType(bytes, at.mediaType))) return parseManifest(bytes);
    const host = hostPlatform();
    const found = choosePlatform(parseIndex(bytes).manifests, host);
    if (!found) {
      throw invalid(
        "load image",
        `no match for platform in manifest: ${at.digest} has no image for ${platformText(host)}`,
      );
    }
    at = found;
  }
  throw invalid("load image", `indexes are nested more than ${MAX_NESTING} deep`);
}
