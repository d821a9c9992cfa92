/** The first kernel with everything that init performs with: mount_setattr came last. */
export const LEAST_KERNEL = "5.12";

/** What a kernel lacks of what we use, and what happens instead. */
export interface KernelGap {
  /** The version that brought it. */
  since: string;
  /** Whether no container can be created without it. */
  needed: boolean;
  /** One clause: what is missing, then what comes of it. */
  effect: string;
}

const GAPS: KernelGap[] = [
  {
    since: "5.7",
    needed: false,
    effect: "no CLONE_INTO_CGROUP: a process joins its cgroup and is then compared with its limits",
  },
  {
    since: LEAST_KERNEL,
    needed: true,
    effect: "no mount_setattr: root file systems cannot be built",
  },
  {
    since: "5.14",
    needed: false,
    effect: "no cgroup.kill: containers are killed one process after the other",
  },
  {
    since: "5.19",
    needed: false,
    effect: "no id-mapped mounts below overlayfs: the kernel refuses mappings of such trees",
  },
];

/** What the kernel of a release (`uname -r`) lacks, oldest first; none for what is no release. */
export function kernelGaps(release: string): KernelGap[] {
  return GAPS.filter(({ since }) => isOlderKernel(release, since));
}

/** Whether a release (`uname -r`) is older than a version; false for what is no release. */
export function isOlderKernel(release: string, than: string = LEAST_KERNEL): boolean {
  const number = (text: string) => /^(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
  const [have, least] = [number(release), number(than)];
  if (!have || !least) return false;
  return have[0]! < least[0]! || (have[0] === least[0] && have[1]! < least[1]!);
}
