import type { Manifest } from "#lib/registry/manifest.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";

export interface HistoryItem {
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  comment?: string;
  docker_version?: string;
  config?: ContainerConfig | null;
  /** The container that a build's step ran in. */
  container?: string;
  /** Configuration of the step that made the image: its Cmd says what was done. */
  container_config?: ContainerConfig | null;
  rootfs: { type: string; diff_ids: string[] };
  history?: HistoryItem[];
}

/** An image with all that its name leads to. */
export interface LoadedImage {
  /** Digest of the configuration: what docker calls the image's id. */
  id: string;
  /** Id of the image that the build step which made this one began with; "" for none. */
  parent: string;
  manifestDigest: string;
  manifest: Manifest;
  config: ImageConfig;
  /** Chain ids, one for each layer, lowest first. */
  chainIds: string[];
}
