import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { ImageBuildOptions } from "#wire/docker-api/types/build.ts";
import type { ProgressMessage } from "#wire/docker-api/types/image.ts";
import { BuildArgs } from "../build/build_args.ts";
import { BuildContext } from "../build/build_context.ts";
import type { Build } from "../build/build_stage.ts";
import { cacheSources } from "../build/cache_sources.ts";
import type { Daemon } from "../daemon.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { ProgressFeed, withProgress } from "../images/progress_feed.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { invalid } from "../refusals.ts";

const op = "build";

/** POST /build: makes an image of a Dockerfile and the files it is sent with. */
export async function* imageBuild(
  daemon: Daemon,
  body: ByteStream,
  options: ImageBuildOptions,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const names = options.tags.map(tagName);
  const signal = context.signal ?? daemon.closing.signal;
  const files = await BuildContext.open(daemon, body, options, signal);
  try {
    const { parseDockerfile } = await import("../build/dockerfile.ts");
    const { checkInstructions } = await import("../build/check_instructions.ts");
    const dockerfile = parseDockerfile(files.dockerfile);
    checkInstructions(dockerfile.stages, dockerfile.escapeChar);
    const request = { files, dockerfile, options, names };
    yield* withProgress((feed, left) => {
      const gone = AbortSignal.any([left, signal]);
      return perform(daemon, request, feed, gone, context);
    });
  } finally {
    files.close();
  }
}

function tagName(tag: string): string {
  const reference = parseReference(tag);
  if (reference.digest) throw invalid(op, "build tag cannot contain a digest");
  return fullName(reference);
}

interface BuildRequest {
  files: BuildContext;
  dockerfile: ReturnType<typeof import("../build/dockerfile.ts").parseDockerfile>;
  options: ImageBuildOptions;
  names: string[];
}

async function perform(
  daemon: Daemon,
  { files, dockerfile, options, names }: BuildRequest,
  out: ProgressFeed,
  gone: AbortSignal,
  context: CallContext,
): Promise<void> {
  const { runBuild } = await import("../build/build_run.ts");
  // A quiet build says nothing but its result.
  const feed = options.quiet ? new SilentFeed() : out;
  const image = await daemon.images.leased(daemon.call(context), async (call) => {
    const build: Build = {
      daemon,
      options,
      context: files,
      args: new BuildArgs(argsOf(options)),
      feed,
      signal: AbortSignal.any([gone, daemon.closing.signal]),
      call,
      escapeChar: dockerfile.escapeChar,
      stages: [],
      cacheSources:
        options.cacheFrom.length > 0
          ? await cacheSources(daemon, options.cacheFrom, call)
          : undefined,
      containers: [],
    };
    const built = await runBuild(build, dockerfile);
    await nameAll(daemon, built, names, call);
    return built;
  });
  if (options.quiet) out.tell({ stream: `${image.id}\n` });
  feed.tell({ stream: `Successfully built ${image.id.replace("sha256:", "").slice(0, 12)}\n` });
  for (const name of names) feed.tell({ stream: `Successfully tagged ${familiarName(name)}\n` });
}

/** Takes what a build says, and drops it. */
class SilentFeed extends ProgressFeed {
  override tell(): void {}
}

const argsOf = ({ buildArgs }: ImageBuildOptions) =>
  new Map(Object.entries(buildArgs).map(([name, value]) => [name, value ?? undefined]));

async function nameAll(
  daemon: Daemon,
  image: LoadedImage,
  names: string[],
  call: CallContext,
): Promise<void> {
  const { info } = await daemon.services.content.info({ digest: image.manifestDigest }, call);
  const { mediaType = "" } = image.manifest;
  const target = { mediaType, digest: image.manifestDigest, size: Number(info?.size ?? 0n) };
  for (const name of names) {
    await daemon.images.name(name, target, call);
    daemon.events.publish("image", "tag", image.id, { name: familiarName(name) });
  }
}
