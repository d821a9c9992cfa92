import type { ImageStore } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { namesOfWhole } from "./image_names.ts";
import type { Descriptor } from "./image_tree.ts";
import type { TransferParts } from "./transfer_parts.ts";

/** Stores names of an image; those that there are point here from now on. */
export async function storeNames(
  { services, context, progress }: TransferParts,
  names: readonly string[],
  target: Descriptor,
  labels: Record<string, string>,
): Promise<void> {
  const { annotations = {}, mediaType, digest, size } = target;
  const described = { mediaType, digest, size: BigInt(size), annotations };
  for (const name of names) {
    const image = { name, labels, target: described };
    try {
      await services.images.create({ image }, context);
    } catch (error) {
      if (!(error instanceof ChainError) || error.outer.code !== "already_exists") throw error;
      await services.images.update({ image }, context);
    }
    progress("saved", name);
  }
}

/** What the names of a source stand for, each with its name. */
export async function lookUp(
  { services, context }: TransferParts,
  source: ImageStore,
): Promise<{ name: string; target: Descriptor }[]> {
  const names = [source.name, ...source.extraReferences.map(({ name }) => name)];
  const found = [];
  for (const name of names.filter((item) => item !== "")) {
    const { image } = await services.images.get({ name }, context);
    const { mediaType = "", digest = "", size = 0n, annotations = {} } = image?.target ?? {};
    found.push({ name, target: { mediaType, digest, size: Number(size), annotations } });
  }
  return found;
}

/** Gives an image more names. */
export async function tagImage(
  parts: TransferParts,
  source: ImageStore,
  destination: ImageStore,
): Promise<void> {
  for (const { target } of await lookUp(parts, source)) {
    await storeNames(parts, namesOfWhole(destination, target), target, destination.labels);
  }
}
