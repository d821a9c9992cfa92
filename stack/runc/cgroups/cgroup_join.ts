/** Where a new process is to be charged. Made by `cgroups/`, carried out by init. */
export interface CgroupJoin {
  /** v1 and hybrid: the folders to join, one for each mounted hierarchy. Empty on pure v2. */
  v1: { controllers: string[]; path: string }[];
  /** The folder in the unified hierarchy (pure v2, or the hybrid's second hierarchy). */
  unified?: string;
  /** True when the unified hierarchy alone is mounted: charge by CLONE_INTO_CGROUP. */
  pureV2: boolean;
  /**
   * v1 only: pids.current and pids.max of the container's cgroup and every ancestor, innermost
   * first. Init compares them after joining and refuses before execve.
   */
  pidsLevels: { current: string; max: string }[];
  /** Lock file taken around join and check, in the container's state folder. */
  lockPath: string;
}
