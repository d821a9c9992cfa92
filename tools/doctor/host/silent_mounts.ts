import { stat } from "node:fs/promises";
import type { HostFiles } from "./host_files.ts";
import { type MountEntry, readMounts } from "./mount_table.ts";

/** File systems that somebody else serves: over a network, or a process by FUSE. */
const SERVED = /^(nfs4?|cifs|smb3|ceph|glusterfs|9p|afs|lustre|beegfs|fuse(blk|\..*)?)$/;
const ANSWER_MS = 1500;
const MAX_MOUNTS = 200;

/**
 * The host's mounts whose server does not answer. To touch one would block us as it blocks the
 * containers, so each is asked from a thread of its own, under a time limit; whoever found one must
 * not wait for those threads at its end.
 */
export async function findSilentMounts(files: HostFiles): Promise<MountEntry[]> {
  const served = readMounts(files, "self").filter(({ type }) => SERVED.test(type));
  const asked = served.slice(0, MAX_MOUNTS).map(async (mount) => {
    return (await answers(files.path(mount.point))) ? undefined : mount;
  });
  return (await Promise.all(asked)).filter((mount) => mount !== undefined);
}

async function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ANSWER_MS);
  // An error is an answer too: a stale handle, a refusal.
  stat(path).then(
    () => resolve(true),
    () => resolve(true),
  );
  const answered = await promise;
  clearTimeout(timer);
  return answered;
}
