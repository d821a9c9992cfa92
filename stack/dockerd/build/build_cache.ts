import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { Daemon } from "../daemon.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { leadsToSource } from "./cache_sources.ts";

/**
 * The newest image that the same step made of the same image; undefined when there is none. With
 * sources it must be one of those, or lead to one.
 */
export async function cachedStep(
  daemon: Daemon,
  parent: LoadedImage | undefined,
  stepConfig: ContainerConfig,
  sources: readonly LoadedImage[] | undefined,
  call: CallContext,
): Promise<LoadedImage | undefined> {
  const wanted = parent?.id ?? "";
  const all = (await daemon.images.list(call)).map(({ image }) => image);
  // Newest first.
  for (const image of all) {
    const { container_config: known } = image.config;
    if (image.parent !== wanted || !known || !sameConfig(known, stepConfig)) continue;
    // Nothing says what an image without a parent was made of, but that it has this step alone.
    if (wanted === "" && image.config.history?.length !== 1) continue;
    if (sources && !leadsToSource(all, sources, image)) continue;
    await daemon.images.blobs.hold(image.id, call);
    return image;
  }
  return undefined;
}

const LISTS = ["Cmd", "Env", "Entrypoint", "Shell", "OnBuild"] as const;
const SETS = ["Labels", "ExposedPorts", "Volumes"] as const;
const TEXTS = ["User", "WorkingDir", "StopSignal"] as const;

/** Whether a step begins with the same configuration and does the same: its Cmd says what. */
function sameConfig(a: ContainerConfig, b: ContainerConfig): boolean {
  return (
    LISTS.every((key) => JSON.stringify(a[key] ?? []) === JSON.stringify(b[key] ?? [])) &&
    SETS.every((key) => sortedText(a[key]) === sortedText(b[key])) &&
    TEXTS.every((key) => (a[key] || "") === (b[key] || ""))
  );
}

const sortedText = (value: object | null | undefined) =>
  JSON.stringify(Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
