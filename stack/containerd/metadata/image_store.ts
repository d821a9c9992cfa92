import type { Database } from "bun:sqlite";
import { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Image, ImageSchema } from "#gen/wire/containerd-api/proto/images_pb.ts";
import { DescriptorSchema } from "#gen/wire/containerd-api/proto/types/descriptor_pb.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import { compileFilters, filled, mapField } from "../filter/filter_match.ts";
import { parseDigest } from "./digest.ts";
import { checkLabels, encodeLabels, maskLabels } from "./labels.ts";
import { ensureNamespace } from "./namespace_store.ts";
import { refuse } from "./refusal.ts";

interface Row {
  record: Uint8Array;
}

/** Names of images and what they point at. */
export class ImageStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(namespace: string, name: string): Image {
    const found = this.#find(namespace, name);
    if (!found) throw refuse("not_found", `image ${JSON.stringify(name)}`);
    return found;
  }

  list(namespace: string, filters: readonly string[]): Image[] {
    const passes = compileFilters(filters);
    return this.#database
      .query<Row, [string]>("SELECT record FROM images WHERE namespace = ? ORDER BY name")
      .all(namespace)
      .map(({ record }) => fromBinary(ImageSchema, record))
      .filter((image) => passes((path) => imageField(image, path)));
  }

  /** `epoch` stands for now when the client wants reproducible records. */
  create(namespace: string, given: Image, epoch?: Timestamp): Image {
    checkImage(given);
    const now = epoch ?? currentTimestamp();
    const image = create(ImageSchema, { ...given, createdAt: now, updatedAt: now });
    this.#database.transaction(() => {
      ensureNamespace(this.#database, namespace);
      if (this.#find(namespace, image.name)) {
        throw refuse("already_exists", `image ${JSON.stringify(image.name)}`);
      }
      this.#put(namespace, image);
    })();
    return image;
  }

  update(namespace: string, given: Image, mask: readonly string[], epoch?: Timestamp): Image {
    if (given.name === "") throw refuse("invalid_argument", "image name is required for update");
    return this.#database.transaction(() => {
      const current = this.get(namespace, given.name);
      const updated = mask.length > 0 ? applyMask(current, given, mask) : clone(ImageSchema, given);
      checkImage(updated);
      if (current.createdAt) updated.createdAt = current.createdAt;
      updated.updatedAt = epoch ?? currentTimestamp();
      this.#put(namespace, updated);
      return updated;
    })();
  }

  /** Deletes a name; with `digest`, only while it still points there. */
  delete(namespace: string, name: string, digest?: string): void {
    this.#database.transaction(() => {
      const current = this.get(namespace, name);
      if (digest !== undefined && current.target?.digest !== digest) {
        const where = `image ${JSON.stringify(name)} target changed`;
        throw refuse("not_found", `${where}: ${current.target?.digest}`);
      }
      this.#database.run("DELETE FROM images WHERE namespace = ? AND name = ?", [namespace, name]);
    })();
  }

  #find(namespace: string, name: string): Image | undefined {
    const row = this.#database
      .query<Row, [string, string]>("SELECT record FROM images WHERE namespace = ? AND name = ?")
      .get(namespace, name);
    return row ? fromBinary(ImageSchema, row.record) : undefined;
  }

  #put(namespace: string, image: Image): void {
    this.#database
      .query("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)")
      .run(
        namespace,
        image.name,
        toBinary(ImageSchema, image),
        encodeLabels(image.labels),
        image.target?.digest ?? "",
      );
  }
}

function applyMask(current: Image, given: Image, mask: readonly string[]): Image {
  const updated = clone(ImageSchema, current);
  updated.target ??= create(DescriptorSchema);
  for (const path of mask) {
    const labels = maskLabels(updated.labels, given.labels, path);
    if (labels) {
      updated.labels = labels;
    } else if (path === "target") {
      updated.target = given.target ?? create(DescriptorSchema);
    } else if (path === "annotations") {
      updated.target.annotations = given.target?.annotations ?? {};
    } else if (path.startsWith("annotations.")) {
      const key = path.slice("annotations.".length);
      updated.target.annotations[key] = given.target?.annotations[key] ?? "";
    } else {
      const where = `${JSON.stringify(path)} field on image ${JSON.stringify(given.name)}`;
      throw refuse("invalid_argument", `cannot update ${where}`);
    }
  }
  return updated;
}

function checkImage(image: Image): void {
  if (image.name === "") throw refuse("invalid_argument", "image name must not be empty");
  checkLabels("image.Labels", image.labels);
  const target = image.target ?? create(DescriptorSchema);
  parseDigest(target.digest, "Target.Digest");
  if (target.size <= 0n) {
    throw refuse("invalid_argument", "Target.Size must be greater than zero");
  }
  if (target.mediaType === "") {
    throw refuse("invalid_argument", "Target.MediaType must be set");
  }
}

function imageField(image: Image, path: readonly string[]): string | undefined {
  switch (path[0]) {
    case "name":
      return filled(image.name);
    case "target":
      if (path[1] === "digest") return filled(image.target?.digest);
      return path[1] === "mediatype" ? filled(image.target?.mediaType) : undefined;
    case "labels":
      return mapField(image.labels, path);
    case "annotations":
      return mapField(image.target?.annotations ?? {}, path);
    default:
      return undefined;
  }
}
