import type { ContainerConfig, HealthConfig } from "#wire/docker-api/types/container_config.ts";
import type { ImageConfig } from "../images/image_types.ts";
import { invalid } from "../refusals.ts";

const nameOf = (entry: string) => entry.split("=", 1)[0]!;

/** Completes what the client left open by what the image says, as dockerd merges them. */
export function mergeImageDefaults(given: ContainerConfig, image: ImageConfig): ContainerConfig {
  const base = image.config ?? {};
  const out: ContainerConfig = { ...given };
  out.User = given.User || base.User || "";
  out.WorkingDir = given.WorkingDir || base.WorkingDir || "";
  out.StopSignal = given.StopSignal || base.StopSignal || null;
  out.Labels = { ...base.Labels, ...given.Labels };
  out.Volumes = mergeSets(base.Volumes, given.Volumes);
  out.ExposedPorts = mergeSets(base.ExposedPorts, given.ExposedPorts);
  const known = new Set((given.Env ?? []).map(nameOf));
  const added = (base.Env ?? []).filter((entry) => !known.has(nameOf(entry)));
  // An empty list stays what it was: inspect tells null from [].
  out.Env = added.length > 0 ? [...(given.Env ?? []), ...added] : (given.Env ?? null);
  // An entrypoint of the client's own makes the image's command meaningless.
  if (!given.Entrypoint?.length) {
    if (!given.Cmd?.length) out.Cmd = base.Cmd ?? null;
    if (given.Entrypoint === null || given.Entrypoint === undefined) {
      out.Entrypoint = base.Entrypoint ?? null;
    }
  }
  // `--entrypoint ""` arrives as [""] and clears it.
  if (out.Entrypoint?.length === 1 && out.Entrypoint[0] === "") out.Entrypoint = null;
  out.Healthcheck = mergeHealth(given.Healthcheck, base.Healthcheck);
  return out;
}

function mergeSets(
  base: Record<string, object> | null | undefined,
  given: Record<string, object> | null | undefined,
): Record<string, object> | null {
  const all = { ...base, ...given };
  return Object.keys(all).length > 0 ? all : null;
}

function mergeHealth(
  given: HealthConfig | null | undefined,
  base: HealthConfig | null | undefined,
): HealthConfig | null {
  if (!base) return given ?? null;
  if (!given) return base;
  const out: HealthConfig = { ...given };
  if (!given.Test?.length) out.Test = base.Test ?? null;
  for (const key of ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"] as const) {
    if (!given[key] && base[key]) out[key] = base[key];
  }
  return out;
}

/** Program and arguments of the container's process. */
export function commandOf(config: ContainerConfig): string[] {
  const args = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (args.length === 0) throw invalid("create container", "no command specified");
  return args;
}
