/** The first kernel with everything that init performs with: mount_setattr came last. */
export const LEAST_KERNEL = "5.12";

/** Whether a release (`uname -r`) is older than a version; false for what is no release. */
export function isOlderKernel(release: string, than: string = LEAST_KERNEL): boolean {
  const number = (text: string) => /^(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
  const [have, least] = [number(release), number(than)];
  if (!have || !least) return false;
  return have[0]! < least[0]! || (have[0] === least[0] && have[1]! < least[1]!);
}
