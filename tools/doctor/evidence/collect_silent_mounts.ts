import type { FoundContainer } from "../discover/find_containers.ts";
import type { Survey } from "../discover/find_stacks.ts";
import type { Facts } from "../facts.ts";
import { readMounts } from "../host/mount_table.ts";

/**
 * Which mounts that do not answer the container binds something from: as its own mount table shows
 * while it runs, else as it is to be started. Touches none of them.
 */
export function collectSilentMounts(
  { silent, files }: Survey,
  { bundle }: FoundContainer,
  facts: Facts,
): NonNullable<Facts["silentMounts"]> {
  if (silent.length === 0) return [];
  if (facts.init?.alive) {
    const own = readMounts(files, facts.init.pid);
    return silent.flatMap(({ point, type, source }) => {
      const found = own.find((mount) => mount.type === type && mount.source === source);
      return found ? [{ point, type, source, used: found.point }] : [];
    });
  }
  const spec = bundle === undefined ? undefined : files.json(`${bundle}/config.json`);
  const { mounts } = (spec ?? {}) as { mounts?: { source?: unknown; destination?: unknown }[] };
  const bound = [
    ...(Array.isArray(mounts) ? mounts : []).map((one) => [one?.source, one?.destination]),
    ...(facts.docker?.inspect?.binds ?? []).map((one) => [one.source, one.target]),
  ];
  return silent.flatMap(({ point, type, source }) => {
    const bind = bound.find(([from]) => from === point || String(from).startsWith(`${point}/`));
    return bind ? [{ point, type, source, used: String(bind[1]) }] : [];
  });
}
