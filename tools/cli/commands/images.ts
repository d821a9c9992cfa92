import { neutralJson } from "#lib/errors/neutral_text.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { ageText, sizeText, textTable } from "../io/table.ts";

export interface ImagesFlags {
  quiet?: boolean;
  json?: boolean;
}

/** `catena images`: one line for each name of each image. */
export async function runImages(engine: DockerEngine, flags: ImagesFlags): Promise<number> {
  const images = await engine.imageList({ all: false, filters: {}, digests: false }, {});
  if (flags.json) {
    process.stdout.write(`${neutralJson(images)}\n`);
    return 0;
  }
  const short = (id: string) => id.replace(/^sha256:/, "").slice(0, 12);
  if (flags.quiet) {
    process.stdout.write([...new Set(images.map((one) => `${short(one.Id)}\n`))].join(""));
    return 0;
  }
  const now = Date.now() / 1000;
  const rows = images.flatMap((one) => {
    const names = one.RepoTags.length > 0 ? one.RepoTags : ["<none>:<none>"];
    return names.map((name) => {
      const at = name.lastIndexOf(":");
      return [
        name.slice(0, at),
        name.slice(at + 1),
        short(one.Id),
        ageText(now - one.Created),
        sizeText(one.Size),
      ];
    });
  });
  process.stdout.write(textTable(["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"], rows));
  return 0;
}
