import type { HostConfig } from "./container_config.ts";
import type { RegistryAuth } from "./registry.ts";

/** What POST /build asks for. */
export interface ImageBuildOptions {
  /** Names for the result. */
  tags: string[];
  /** Path of the Dockerfile in the context. */
  dockerfile: string;
  /** A URL to take the context from; "" for the request's body. */
  remote: string;
  /** Undefined values leave the Dockerfile's default. */
  buildArgs: Record<string, string | null>;
  labels: Record<string, string>;
  target: string;
  platform: string;
  noCache: boolean;
  /** Images whose steps may be taken over, though they were built elsewhere; [] for all here. */
  cacheFrom: string[];
  pull: boolean;
  quiet: boolean;
  /** Remove the containers of steps that went well; of failed ones too. */
  remove: boolean;
  forceRemove: boolean;
  /** Limits, network and hosts of the containers that steps run in. */
  hostConfig: HostConfig;
  /** Credentials by registry, for the images that it begins with. */
  auths: Record<string, RegistryAuth>;
}
