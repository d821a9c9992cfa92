import { runCommand } from "../probe/run_command.ts";
import type { HostFiles } from "./host_files.ts";
import { stretched } from "./host_pace.ts";
import { type MountEntry, readMounts } from "./mount_table.ts";

/** File systems that somebody else serves: over a network, or a process by FUSE. */
const SERVED = /^(nfs4?|cifs|smb3|ceph|glusterfs|9p|afs|lustre|beegfs|fuse(blk|\..*)?)$/;
const ANSWER_MS = 1500;
const MAX_MOUNTS = 100;

/**
 * The host's mounts whose server does not answer. To touch one would block us as it blocks the
 * containers, so each is asked by a process of its own that is left behind when it does not come
 * back. It asks how full the file system is: that is answered by the server, never by a cache.
 */
export async function findSilentMounts(files: HostFiles): Promise<MountEntry[]> {
  const served = readMounts(files, "self").filter(({ type }) => SERVED.test(type));
  const asked = served.slice(0, MAX_MOUNTS).map(async (mount) => {
    const argv = ["stat", "--file-system", "--", files.path(mount.point)];
    // An error is an answer too: a stale handle, a refusal.
    const { timedOut } = await runCommand(argv, stretched(ANSWER_MS));
    return timedOut ? mount : undefined;
  });
  return (await Promise.all(asked)).filter((mount) => mount !== undefined);
}
