import { libexecPath } from "#lib/install/install_paths.ts";
import { closeFile, openFile } from "#lib/linux/file.ts";

/** A rule as the library takes it: name, action, then index, operator, a, b of each comparison. */
export type LibraryRule = [name: string, action: number, comparisons: (number | bigint)[]];

interface Library {
  compile(action: number, architectures: number[], rules: LibraryRule[], tree: boolean): Buffer;
  resolve(architecture: number, name: string): number;
  version(): string;
}

let loaded: Library | undefined;
/** The library's file as it was when `holdLibrary` was called. */
let held: number | undefined;

/**
 * Opens the library's file without loading it. A shim does so when it starts: an installation that
 * is replaced under it must not give it a library of another version than its own.
 */
export function holdLibrary(): void {
  if (held !== undefined || loaded) return;
  try {
    held = openFile(libexecPath("catena-seccomp.node"));
  } catch {
    // Not installed: said by the first container with a profile.
  }
}

/** libseccomp. Loaded on first use only: a container without a profile does not pay for it. */
export function seccompLibrary(): Library {
  if (!loaded) {
    const module = { exports: {} };
    const path = held === undefined ? libexecPath("catena-seccomp.node") : `/proc/self/fd/${held}`;
    process.dlopen(module, path);
    loaded = module.exports as Library;
    if (held !== undefined) closeFile(held);
  }
  return loaded;
}

/** The library's version, undefined when it is not installed. */
export function libseccompVersion(): string | undefined {
  try {
    return seccompLibrary().version();
  } catch {
    return undefined;
  }
}
