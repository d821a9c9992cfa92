import { libexecPath } from "#lib/install/install_paths.ts";
import { sealedCopy } from "#lib/linux/process.ts";

let image: number | undefined;

/**
 * The descriptor of init's executable, taken into memory once a process: sealed, so all runs share
 * it. Who lives long takes it at its start: an installation that is replaced meanwhile must not
 * give it an init that reads plans otherwise than it writes them.
 */
export function loadInit(): number {
  image ??= sealedCopy("catena-init", libexecPath("catena-init"));
  return image;
}
