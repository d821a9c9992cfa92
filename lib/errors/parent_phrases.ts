/**
 * Phrases by which genuine parents (dockerd, containerd, shim) classify an error's text. What we
 * add to a message must contain none of them, or a parent would take a full pids cgroup for a
 * missing binary. Sources: moby daemon/start.go and exec.go, containerd runtime v2 shim.
 */
const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [/no such file or directory/gi, "missing (ENOENT)"],
  [/executable file not found/gi, "program missing"],
  [/permission denied/gi, "refused (EACCES)"],
  [/does not exist/gi, "is missing"],
  [/no such process/gi, "process gone (ESRCH)"],
  [/not running/gi, "stopped"],
  [/is a directory/gi, "names a folder"],
  [/not a directory/gi, "names no folder"],
  [/container not found/gi, "container unknown"],
];

/** The phrases themselves, for tests. */
export const PARENT_PHRASES: readonly RegExp[] = REPLACEMENTS.map(([phrase]) => phrase);

/**
 * Rewrites text that we add (cause, fix, evidence) so that no genuine parent matches it.
 * Takes any text, returns one line.
 */
export function neutralWords(text: string): string {
  let out = text.replace(/\s*[\r\n]+\s*/g, "; ");
  for (const [phrase, words] of REPLACEMENTS) out = out.replace(phrase, words);
  return out;
}
