import type { ContainerConfig } from "./container_config.ts";
import type { GraphDriver } from "./container_view.ts";

export interface ImageSummary {
  Id: string;
  ParentId: string;
  RepoTags: string[];
  RepoDigests: string[];
  /** Seconds since 1970. */
  Created: number;
  Size: number;
  SharedSize: number;
  VirtualSize: number;
  Labels: Record<string, string> | null;
  Containers: number;
}

export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  Created: string;
  DockerVersion: string;
  Author: string;
  Config: ContainerConfig;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  VirtualSize: number;
  GraphDriver: GraphDriver;
  RootFS: { Type: string; Layers: string[] };
  Metadata: { LastTagTime: string };
}

export interface ImageHistoryItem {
  Id: string;
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  Size: number;
  Comment: string;
}

export interface ImageRemoved {
  Untagged?: string;
  Deleted?: string;
}

export interface ImagesPruned {
  ImagesDeleted: ImageRemoved[] | null;
  SpaceReclaimed: number;
}

export interface BuildPruned {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** One JSON message of a progress stream (import, load, pull). */
export interface ProgressMessage {
  stream?: string;
  status?: string;
  id?: string;
  progress?: string;
  progressDetail?: { current?: number; total?: number };
  /** A result for programs: what was pushed, the id of what was built. */
  aux?: Record<string, string | number>;
  error?: string;
  errorDetail?: { code?: number; message: string };
}

export interface ImageImportOptions {
  /** An http or https URL to take the tar from, in place of the request's body. */
  url?: string;
  repo: string;
  tag: string;
  message: string;
  /** Dockerfile instructions, as `docker import --change` sends them. */
  changes: string[];
  platform: string;
}

export interface ContainerCommitOptions {
  container: string;
  repo: string;
  tag: string;
  comment: string;
  author: string;
  pause: boolean;
  changes: string[];
  config?: ContainerConfig;
}
