import { expect, test } from "bun:test";
import { MEDIA, manifestType, parseIndex, parseManifest } from "./manifest.ts";

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const DIGEST = `sha256:${"a".repeat(64)}`;
const blob = (more: object = {}) => ({ mediaType: MEDIA.layer, digest: DIGEST, size: 1, ...more });

test("a manifest of the usual kind", () => {
  const manifest = { schemaVersion: 2, config: blob(), layers: [blob(), blob()] };
  expect(parseManifest(bytes(manifest)).layers).toHaveLength(2);
});

test.each<[unknown, string]>([
  [[], "no list of layers"],
  ["text", "not a JSON object"],
  [{ config: blob() }, "no list of layers"],
  [{ config: blob(), layers: Array(128).fill(blob()) }, "128 layers, the limit is 127"],
  [{ config: blob({ digest: "sha256:../../etc" }), layers: [] }, "no sha256 digest"],
  [{ config: blob({ size: -1 }), layers: [] }, "config has no size"],
  [{ config: blob({ size: 1e9 }), layers: [] }, "the limit is"],
  [{ config: blob(), layers: [blob({ size: 2 ** 60 })] }, "layer 0 has"],
  [{ config: blob(), layers: [null] }, "layer 0 is no descriptor"],
  [{ config: blob(), layers: [blob({ mediaType: 3 })] }, "layer 0 has no media type"],
])("manifest %# is refused", (value, reason) => {
  expect(() => parseManifest(bytes(value))).toThrow(reason);
});

test("an index with too many entries is refused", () => {
  const manifests = Array(1001).fill(blob());
  expect(() => parseIndex(bytes({ manifests }))).toThrow("1001 manifests in the index");
  expect(() => parseIndex(bytes({ manifests: {} }))).toThrow("no list of manifests");
});

test("what the bytes say of their type counts before the header", () => {
  expect(manifestType(bytes({ mediaType: MEDIA.index }), MEDIA.manifest)).toBe(MEDIA.index);
  expect(manifestType(bytes({ manifests: [] }), "text/plain")).toBe(MEDIA.index);
  expect(manifestType(bytes({ schemaVersion: 1 }), "")).toBe(MEDIA.dockerSchema1);
  expect(manifestType(bytes({}), `${MEDIA.dockerManifest}; charset=utf-8`)).toBe(
    MEDIA.dockerManifest,
  );
});
