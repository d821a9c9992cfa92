import { readFile } from "node:fs/promises";
import { pack } from "tar-stream";
import { libexecPath } from "#lib/install/install_paths.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { ifPresent, inFrame } from "../refusals.ts";

/** The image that sandboxes run, unless another one is configured. */
export const PAUSE_IMAGE = "catena/pause:1";
const EXECUTABLE_MODE = 0o755;

/**
 * Sees to it that the pause image is there: one executable, which lies beside ours, imported where
 * the daemon lacks it. So a pod starts without a registry. Returns the image's name.
 */
export async function ensurePauseImage(
  engine: DockerEngine,
  image: string,
  context: CallContext,
): Promise<string> {
  if (await ifPresent(engine.imageInspect(image, context))) return image;
  return inFrame("load pause image", `failed to load sandbox image ${image}`, async () => {
    if (image !== PAUSE_IMAGE) await pull(engine, image, context);
    else await importOwn(engine, context);
    return image;
  });
}

async function pull(engine: DockerEngine, image: string, context: CallContext): Promise<void> {
  const { name, tag } = splitTag(image);
  for await (const _ of engine.imagePull(name, tag, "", context)) {
    // Progress is of no use here; a failure is thrown.
  }
}

async function importOwn(engine: DockerEngine, context: CallContext): Promise<void> {
  const archive = pack();
  const mtime = new Date(0);
  archive.entry({ name: "pause", mode: EXECUTABLE_MODE, mtime }, await pauseProgram());
  archive.finalize();
  const { name: repo, tag } = splitTag(PAUSE_IMAGE);
  const message = "the process of a pod sandbox";
  const changes = ['ENTRYPOINT ["/pause"]'];
  const options = { repo, tag, message, changes, platform: "" };
  const tar = archive as unknown as AsyncIterable<Uint8Array>;
  for await (const _ of engine.imageImport(tar, options, context)) {
    // The last message is the image's id; its name is what is used.
  }
}

const pauseProgram = (): Promise<Buffer> => readFile(libexecPath("catena-pause"));

/** `registry:5000/name:tag` in two; without a tag it is latest. A digest stays with the name. */
export function splitTag(image: string): { name: string; tag: string } {
  if (image.includes("@")) return { name: image, tag: "" };
  const at = image.lastIndexOf(":");
  if (at < 0 || image.includes("/", at)) return { name: image, tag: "latest" };
  return { name: image.slice(0, at), tag: image.slice(at + 1) };
}
