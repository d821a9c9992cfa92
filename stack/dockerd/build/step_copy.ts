import { createHash, randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { invalid } from "../refusals.ts";
import { makeRootedFolder, openRoot, throughLinks } from "../rootfs/rooted_files.ts";
import type { BuildStage } from "./build_stage.ts";
import { ownerOf } from "./copy_owner.ts";
import { destinationOf, placeSource } from "./copy_place.ts";
import { type CopySource, findSources } from "./copy_source.ts";
import type { Instruction } from "./dockerfile.ts";
import { listForm, takeFlags } from "./instruction_args.ts";
import { changedLayer, withImageRoot } from "./snapshot_layer.ts";
import { type Expander, nextFolder } from "./step_config.ts";
import { downloadUrl, urlFileName } from "./url_download.ts";

const isUrl = (text: string) => /^https?:\/\//i.test(text);

interface CopyRequest {
  stage: BuildStage;
  keyword: string;
  sources: string[];
  destination: string;
  chown: string;
  fromImage: boolean;
}

/** COPY and ADD. `imageOf` finds what `--from` names. */
export async function copyStep(
  stage: BuildStage,
  instruction: Instruction,
  expand: Expander,
  imageOf: (name: string) => Promise<LoadedImage | undefined>,
): Promise<void> {
  const { keyword } = instruction;
  const { flags, rest } = takeFlags(
    instruction,
    keyword === "COPY" ? ["from", "chown"] : ["chown"],
  );
  const words = listForm(rest).map((word) => expand.word(word));
  const from = flags.get("from");
  const request = {
    stage,
    keyword,
    sources: words.slice(0, -1),
    destination: words.at(-1)!,
    chown: expand.word(flags.get("chown") ?? ""),
    fromImage: from !== undefined,
  };
  if (from === undefined) {
    const rootFd = openRoot(stage.build.context.folder);
    try {
      await copyFrom(request, rootFd);
    } finally {
      closeSync(rootFd);
    }
    return;
  }
  const image = await imageOf(from);
  if (!image) throw invalid("build", `invalid from flag value ${from}: the stage is empty`);
  const { daemon, call } = stage.build;
  await withImageRoot(daemon, image, call, (rootFd) => copyFrom(request, rootFd));
}

async function copyFrom(request: CopyRequest, rootFd: number): Promise<void> {
  const { stage, keyword, destination, chown } = request;
  const opened: number[] = [];
  try {
    const sources = await allSources(request, rootFd, opened);
    if (sources.length > 1 && !destination.endsWith("/")) {
      throw invalid(
        "build",
        `When using ${keyword} with more than one source file, the destination must be a ` +
          "directory and end with a /",
      );
    }
    const owner = chown === "" ? "" : `--chown=${chown}`;
    const comment = `${keyword} ${owner}${hashOf(sources)} in ${destination} `;
    const stepConfig = stage.notedFiles(comment);
    if (await stage.fromCache(stepConfig)) return;
    const { daemon, call } = stage.build;
    const layer = await changedLayer(daemon, stage.image, call, async (targetFd) => {
      const target = {
        rootFd: targetFd,
        path: throughLinks(targetFd, destinationOf(stage.config.WorkingDir, destination)),
        owner: targetOwner(request, targetFd),
        unpacks: keyword === "ADD",
      };
      for (const source of sources) await placeSource(source, target);
    });
    await stage.commit(stepConfig, layer);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** From the context everything is root's; from an image it is whose it was there. */
function targetOwner({ chown, fromImage }: CopyRequest, targetFd: number) {
  if (chown !== "") return ownerOf(targetFd, chown);
  return fromImage ? undefined : { uid: 0, gid: 0 };
}

async function allSources(
  request: CopyRequest,
  rootFd: number,
  opened: number[],
): Promise<CopySource[]> {
  const { keyword, sources, fromImage } = request;
  const out: CopySource[] = [];
  try {
    for (const source of sources) {
      if (keyword === "ADD" && isUrl(source)) out.push(await urlSource(request, source, opened));
      else if (isUrl(source)) {
        throw invalid("build", "source can't be a URL for COPY");
      } else out.push(...findSources(rootFd, source, fromImage));
    }
    if (out.length === 0) throw invalid("build", "no source files were specified");
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "build");
    const { code } = error.outer;
    const message = `${keyword} failed`;
    throw error.wrap({ layer: "dockerd", op: "build", code, message });
  }
  return out;
}

async function urlSource(
  { stage, destination }: CopyRequest,
  url: string,
  opened: number[],
): Promise<CopySource> {
  const name = urlFileName(url);
  if (name === "" && destination.endsWith("/")) {
    throw invalid("build", `cannot determine filename for source ${url}`);
  }
  const { context, feed, signal } = stage.build;
  const folder = join(context.scratch, `url-${randomBytes(8).toString("hex")}`);
  await downloadUrl(url, name || "unnamed", folder, feed, signal);
  const rootFd = openRoot(folder);
  opened.push(rootFd);
  const [source] = findSources(rootFd, (name || "unnamed").replace(/[\\*?[]/g, "\\$&"), false);
  return { ...source!, fromUrl: true };
}

/** One source's own hash; of several, one over all. */
function hashOf(sources: readonly CopySource[]): string {
  if (sources.length === 1) return sources[0]!.hash;
  const all = sources.map(({ hash }) => hash).join(",");
  return `multi:${createHash("sha256").update(all).digest("hex")}`;
}

/** WORKDIR: the folder is made where it is missing. */
export async function workdirStep(
  stage: BuildStage,
  instruction: Instruction,
  expand: Expander,
): Promise<void> {
  const { build, config } = stage;
  const folder = nextFolder(config.WorkingDir, expand.word(instruction.rest));
  config.WorkingDir = folder;
  const stepConfig = stage.notedFiles(`WORKDIR ${folder}`);
  if (await stage.fromCache(stepConfig)) return;
  const layer = await changedLayer(build.daemon, stage.image, build.call, async (rootFd) =>
    makeRootedFolder(rootFd, throughLinks(rootFd, folder), 0, 0),
  );
  await stage.commit(stepConfig, layer);
}
