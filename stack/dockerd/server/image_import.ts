import { MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { ImageImportOptions, ProgressMessage } from "#wire/docker-api/types/image.ts";
import { openUrl } from "../build/url_download.ts";
import type { Daemon } from "../daemon.ts";
import { checkedTar } from "../images/checked_tar.ts";
import { decompressed } from "../images/decompress.ts";
import { applyChanges } from "../images/dockerfile_changes.ts";
import { familiarName, repoTagName } from "../images/reference.ts";
import { unsupported } from "../refusals.ts";
import { nowText } from "../wall_clock.ts";

const GO_ARCH: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/** POST /images/create?fromSrc=-: an image of one layer. */
export async function* imageImport(
  daemon: Daemon,
  tar: ByteStream,
  options: ImageImportOptions,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const name = repoTagName(options.repo, options.tag);
  const arch = GO_ARCH[process.arch] ?? process.arch;
  checkPlatform(options.platform, arch);
  const config = applyChanges({} as ContainerConfig, options.changes);
  const { url } = options;
  let source = tar;
  if (url !== undefined) {
    yield { status: `Downloading from ${url}` };
    source = (await openUrl(url, context.signal ?? daemon.closing.signal)).bytes();
  }
  const created = nowText();
  const image = await daemon.images.leased(daemon.call(context), async (call) => {
    const data = checkedTar(decompressed(source));
    const layer = await daemon.images.blobs.write({ mediaType: MEDIA.layer, data }, call);
    return daemon.images.add(
      {
        architecture: arch,
        os: "linux",
        created,
        config,
        rootfs: { type: "layers", diff_ids: [layer.digest] },
        history: [{ created, comment: options.message || `Imported from ${url ?? "-"}` }],
      },
      [layer],
      name,
      call,
    );
  });
  const shown = name ? { name: familiarName(name) } : { name: image.id };
  daemon.events.publish("image", "import", image.id, shown);
  yield { status: image.id };
}

function checkPlatform(platform: string, arch: string): void {
  if (platform === "") return;
  const [os, wanted] = platform.split("/");
  if (os !== "linux" || (wanted !== undefined && wanted !== arch)) {
    throw unsupported(
      "import image",
      `operating system or processor is not supported: ${platform}`,
    );
  }
}
