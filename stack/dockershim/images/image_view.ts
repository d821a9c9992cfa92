import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImageSchema } from "#gen/wire/cri/proto/image_pb.ts";
import type { ImageInspect, ImageSummary } from "#wire/docker-api/types/image.ts";

const NO_NAME = /^<none>[:@]<none>$/;

type CriImage = MessageInitShape<typeof ImageSchema>;

const named = (names: string[] | null | undefined) =>
  (names ?? []).filter((name) => !NO_NAME.test(name));

/** An image of a list. `pinned` keeps the kubelet from collecting it. */
export function imageItem(summary: ImageSummary, pinned: boolean): CriImage {
  return {
    id: summary.Id,
    repoTags: named(summary.RepoTags),
    repoDigests: named(summary.RepoDigests),
    size: BigInt(summary.Size),
    pinned,
  };
}

/** One image, with the user that it runs as, where it names one: a number or a name. */
export function imageOf(found: ImageInspect, pinned: boolean): CriImage {
  return {
    id: found.Id,
    repoTags: named(found.RepoTags),
    repoDigests: named(found.RepoDigests),
    size: BigInt(found.Size),
    pinned,
    ...userOf(found.Config?.User ?? ""),
  };
}

function userOf(user: string): Pick<CriImage, "uid" | "username"> {
  const [name = ""] = user.split(":");
  if (name === "") return {};
  return /^[0-9]+$/.test(name) ? { uid: { value: BigInt(name) } } : { username: name };
}
