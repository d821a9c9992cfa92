import { statfsSync } from "node:fs";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ImageFsInfoResponseSchema,
  ImageStatusRequest,
  ImageStatusResponseSchema,
  ListImagesRequest,
  ListImagesResponseSchema,
  PullImageRequest,
  PullImageResponse,
  RemoveImageRequest,
} from "#gen/wire/cri/proto/image_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { wallNanoseconds } from "../convert/timestamp.ts";
import type { Dockershim } from "../dockershim.ts";
import { imageItem, imageOf } from "../images/image_view.ts";
import { registryAuth } from "../images/registry_auth.ts";
import { splitTag } from "../pause/pause_image.ts";
import { ifPresent, inFrame, invalid, isNotFound } from "../refusals.ts";

/** ListImages: all, or the one that the filter names. */
export async function listImages(
  shim: Dockershim,
  { filter }: ListImagesRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ListImagesResponseSchema>> {
  return inFrame("list images", "failed to list images", async () => {
    const wanted = filter?.image?.image;
    if (wanted) {
      const found = await ifPresent(shim.engine.imageInspect(wanted, shim.look(context)));
      return { images: found ? [imageOf(found, isPause(shim, found.RepoTags))] : [] };
    }
    const options = { all: false, filters: {}, digests: false };
    const summaries = await shim.engine.imageList(options, shim.look(context));
    return { images: summaries.map((item) => imageItem(item, isPause(shim, item.RepoTags))) };
  });
}

function isPause(shim: Dockershim, tags: string[] | null): boolean {
  return tags?.includes(shim.pauseImage) ?? false;
}

/** ImageStatus: one that is not there has none, which is no error. */
export async function imageStatus(
  shim: Dockershim,
  { image, verbose }: ImageStatusRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ImageStatusResponseSchema>> {
  const name = image?.image ?? "";
  return inFrame("image status", `failed to inspect image ${JSON.stringify(name)}`, async () => {
    const found = await ifPresent(shim.engine.imageInspect(name, shim.look(context)));
    if (!found) return {};
    const info = { imageSpec: { config: found.Config, rootfs: found.RootFS } };
    return {
      image: imageOf(found, isPause(shim, found.RepoTags)),
      ...(verbose ? { info: { info: JSON.stringify(info) } } : {}),
    };
  });
}

/** PullImage: returns the image's id, by which containers are then created. */
export async function pullImage(
  shim: Dockershim,
  { image, auth }: PullImageRequest,
  context: CallContext,
): Promise<Pick<PullImageResponse, "imageRef">> {
  const name = image?.image ?? "";
  if (name === "") throw invalid("pull image", "image name is empty");
  return inFrame("pull image", `failed to pull image ${JSON.stringify(name)}`, async () => {
    const { name: repo, tag } = splitTag(name);
    const call = { ...shim.call(context), ...(context.signal && { signal: context.signal }) };
    const messages = shim.engine.imagePull(repo, tag, "", call, registryAuth(auth));
    for await (const _ of messages) {
      // Progress has no place in the CRI; a failure is thrown.
    }
    const found = await shim.engine.imageInspect(name, shim.look(context));
    return { imageRef: found.Id };
  });
}

/** RemoveImage: all names of an image that is given by its id, else the one name. */
export async function removeImage(
  shim: Dockershim,
  { image }: RemoveImageRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const name = image?.image ?? "";
  return inFrame("remove image", `failed to remove image ${JSON.stringify(name)}`, async () => {
    const call = shim.call(context);
    const found = await ifPresent(shim.engine.imageInspect(name, call));
    if (!found) return {};
    for (const ref of namesToRemove(name, found.Id, [
      ...(found.RepoTags ?? []),
      ...(found.RepoDigests ?? []),
    ])) {
      await ifPresent(shim.engine.imageRemove(ref, { force: false, noPrune: false }, call));
    }
    return {};
  });
}

/** Docker removes an image with its last name, and refuses an id that has several. */
function namesToRemove(given: string, id: string, names: string[]): string[] {
  const byId = id === given || id.replace(/^sha256:/, "").startsWith(given);
  if (!byId) return [given];
  return names.length > 0 ? names : [id];
}

/** ImageFsInfo: the file system of Docker's folder, and what images and containers hold of it. */
export async function imageFsInfo(
  shim: Dockershim,
  context: CallContext,
): Promise<MessageInitShape<typeof ImageFsInfoResponseSchema>> {
  return inFrame("image fs info", "failed to get docker's disk usage", async () => {
    const call = shim.look(context);
    const [info, usage] = await Promise.all([
      shim.engine.info(call),
      shim.engine.diskUsage([], call),
    ]);
    const mountpoint = String(info["DockerRootDir"] ?? "/var/lib/docker");
    const layers = usage.LayersSize ?? 0;
    const written = (usage.Containers ?? []).reduce((sum, item) => sum + (item.SizeRw ?? 0), 0);
    const of = (bytes: number) => ({
      timestamp: wallNanoseconds(),
      fsId: { mountpoint },
      usedBytes: { value: BigInt(bytes) },
      inodesUsed: { value: inodesOf(mountpoint) },
    });
    return { imageFilesystems: [of(layers)], containerFilesystems: [of(written)] };
  });
}

/** Inodes in use on that file system: Docker counts none, and evictions go by the whole. */
function inodesOf(path: string): bigint {
  try {
    const { files, ffree } = statfsSync(path, { bigint: true });
    return files - ffree;
  } catch (thrown) {
    if (isNotFound(thrown)) throw thrown;
    return 0n;
  }
}
