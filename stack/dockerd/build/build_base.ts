import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { parseReference } from "../images/reference.ts";
import { splitRepository } from "../images/registry_lookup.ts";
import { isNotFound } from "../images/registry_words.ts";
import { imagePull } from "../server/image_pull.ts";
import type { Build } from "./build_stage.ts";

const HUB = "docker.io";
const HUB_KEY = "https://index.docker.io/v1/";

/** An image that a build needs: the one that is here, else from its registry. */
export async function fetchBase(
  build: Build,
  name: string,
  platform: string,
  always: boolean,
): Promise<LoadedImage> {
  const { daemon, call, feed } = build;
  if (!always) {
    try {
      return await daemon.images.find(name, call);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  const reference = parseReference(name);
  const tag = reference.tag === undefined && reference.digest === undefined ? "latest" : "";
  const auth = authFor(build.options.auths, reference.repository);
  const pulling = imagePull(daemon, { image: name, tag, platform, auth }, {});
  for await (const message of pulling) {
    feed.tell(message);
    if (build.signal.aborted) break;
  }
  return daemon.images.find(name, call);
}

/** The credentials that a client sent for a registry, under whichever of its names. */
function authFor(auths: Record<string, RegistryAuth>, repository: string): RegistryAuth {
  const { host } = splitRepository(repository);
  const names = host === HUB ? [HUB_KEY, HUB] : [host, `https://${host}`, `http://${host}`];
  return names.map((name) => auths[name]).find((auth) => auth !== undefined) ?? {};
}
