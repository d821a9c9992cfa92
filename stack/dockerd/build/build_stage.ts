import { hostPlatform } from "#lib/registry/platform.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ImageBuildOptions } from "#wire/docker-api/types/build.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { Daemon } from "../daemon.ts";
import type { ImageConfig, LoadedImage } from "../images/image_types.ts";
import type { ProgressFeed } from "../images/progress_feed.ts";
import { nowText } from "../wall_clock.ts";
import type { BuildArgs } from "./build_args.ts";
import { cachedStep } from "./build_cache.ts";
import type { BuildContext } from "./build_context.ts";
import { sourcedStep } from "./cache_sources.ts";
import { EMPTY_TAR, type StepLayer } from "./step_layer.ts";

const DEFAULT_SHELL = ["/bin/sh", "-c"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What all stages of one build share. */
export interface Build {
  daemon: Daemon;
  options: ImageBuildOptions;
  context: BuildContext;
  args: BuildArgs;
  feed: ProgressFeed;
  signal: AbortSignal;
  /** Calls to containerd, under the build's lease. */
  call: CallContext;
  escapeChar: string;
  /** Finished stages: by their number, and by name where they have one. */
  stages: { name: string; image: LoadedImage | undefined }[];
  /** What `--cache-from` names; undefined without it. */
  cacheSources: readonly LoadedImage[] | undefined;
  /** Containers of steps that are not removed yet. */
  containers: string[];
}

/** One stage while it is built: the image so far, and the configuration of the next step. */
export class BuildStage {
  readonly build: Build;
  /** Undefined: from scratch, and nothing is committed yet. */
  image: LoadedImage | undefined;
  readonly config: ContainerConfig;
  author = "";
  /** CMD was given in this stage: ENTRYPOINT then leaves it. */
  cmdSet = false;
  #cacheMissed: boolean;

  constructor(build: Build, base: LoadedImage | undefined) {
    this.build = build;
    this.image = base;
    const own = base?.config.config ?? {};
    this.config = { ...own, Env: [...(own.Env ?? [])] };
    if (!this.config.Env?.some((entry) => /^PATH(=|$)/.test(entry))) {
      this.config.Env?.push(`PATH=${DEFAULT_PATH}`);
    }
    this.config.OnBuild = null;
    this.config.OpenStdin = false;
    this.config.StdinOnce = false;
    this.#cacheMissed = build.options.noCache;
  }

  get shell(): readonly string[] {
    return this.config.Shell?.length ? this.config.Shell : DEFAULT_SHELL;
  }

  tell(text: string): void {
    this.build.feed.tell({ stream: text });
  }

  /** The configuration that stands for a step which runs nothing. */
  noted(comment: string): ContainerConfig {
    return { ...this.config, Cmd: [...this.shell, "#(nop) ", comment] };
  }

  /** The same for a step that changes files: as genuine histories have it, in one word. */
  notedFiles(comment: string): ContainerConfig {
    return { ...this.config, Cmd: [...this.shell, `#(nop) ${comment}`] };
  }

  /** Takes a step's result from the cache. False when it must be done. */
  async fromCache(stepConfig: ContainerConfig): Promise<boolean> {
    if (this.#cacheMissed) return false;
    const { daemon, call, cacheSources } = this.build;
    const known =
      (await cachedStep(daemon, this.image, stepConfig, cacheSources, call)) ??
      (await this.#fromSources(stepConfig));
    if (!known) {
      // What follows a step that had to be done was never built on its result.
      this.#cacheMissed = true;
      return false;
    }
    this.image = known;
    this.tell(" ---> Using cache\n");
    return true;
  }

  /** The result of a step that an image has which was built elsewhere. */
  async #fromSources(stepConfig: ContainerConfig): Promise<LoadedImage | undefined> {
    const { build, image: base } = this;
    const { images } = build.daemon;
    const step = sourcedStep(build.cacheSources ?? [], base, stepConfig);
    if (!step) return undefined;
    const { source, item, isLast } = step;
    // Its other steps belong together: what follows comes from the same image.
    build.cacheSources = [source];
    if (isLast) {
      await images.blobs.hold(source.id, build.call);
      return source;
    }
    const at = base?.manifest.layers.length ?? 0;
    const descriptor = source.manifest.layers[at];
    const diffId = source.config.rootfs.diff_ids[at];
    const layer = item.empty_layer || !descriptor || !diffId ? undefined : { descriptor, diffId };
    if (layer && !(await images.blobs.hold(layer.descriptor.digest, build.call))) return undefined;
    const config = this.#imageConfig(stepConfig, layer, undefined);
    const history = [...(base?.config.history ?? []), item];
    const layers = [...(base?.manifest.layers ?? []), ...(layer ? [layer.descriptor] : [])];
    const restored = { ...config, ...(item.created ? { created: item.created } : {}), history };
    return images.add(restored, layers, undefined, build.call, base?.id);
  }

  /** A step that changes the configuration alone. */
  async commitNote(comment: string): Promise<void> {
    const stepConfig = this.noted(comment);
    if (!(await this.fromCache(stepConfig))) await this.commit(stepConfig, undefined);
  }

  /** Makes an image of what is there and one more layer. */
  async commit(
    stepConfig: ContainerConfig,
    layer: StepLayer | undefined,
    container?: string,
  ): Promise<void> {
    const { daemon, call } = this.build;
    const base = this.image;
    const made = layer && layer.diffId !== EMPTY_TAR ? layer : undefined;
    const config = this.#imageConfig(stepConfig, made, container);
    const layers = [...(base?.manifest.layers ?? []), ...(made ? [made.descriptor] : [])];
    this.image = await daemon.images.add(config, layers, undefined, call, base?.id);
  }

  #imageConfig(
    stepConfig: ContainerConfig,
    layer: StepLayer | undefined,
    container: string | undefined,
  ): ImageConfig {
    const base = this.image?.config;
    const created = nowText();
    const host = hostPlatform();
    return {
      architecture: base?.architecture ?? host.architecture,
      os: base?.os ?? host.os,
      ...(base?.variant ? { variant: base.variant } : {}),
      created,
      ...(this.author || base?.author ? { author: this.author || (base?.author ?? "") } : {}),
      config: present(this.config),
      ...(container ? { container } : {}),
      container_config: present(stepConfig),
      rootfs: {
        type: "layers",
        diff_ids: [...(base?.rootfs.diff_ids ?? []), ...(layer ? [layer.diffId] : [])],
      },
      history: [
        ...(base?.history ?? []),
        {
          created,
          created_by: (stepConfig.Cmd ?? []).join(" "),
          ...(this.author ? { author: this.author } : {}),
          ...(layer ? {} : { empty_layer: true }),
        },
      ],
    };
  }
}

/** A configuration without what is unset. */
function present(config: ContainerConfig): ContainerConfig {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== null && value !== undefined),
  );
}
