import type { ManifestEntry } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";

/** What a source wants to run on this node now. */
export interface WantedPods {
  pods: Pod[];
  /** Everything that was read, with what is wrong with it: for events and status. */
  entries: ManifestEntry[];
}

/** Where pods come from: a folder today, an API server in time. */
export interface PodSource {
  /** Tells what is wanted: once at the start, then at each change. Rejects when it cannot begin. */
  start(changed: (wanted: WantedPods) => void): Promise<void>;
  close(): void;
}
