import { libexecPath } from "#lib/install/install_paths.ts";

/** A rule as the library takes it: name, action, then index, operator, a, b of each comparison. */
export type LibraryRule = [name: string, action: number, comparisons: (number | bigint)[]];

interface Library {
  compile(action: number, architectures: number[], rules: LibraryRule[], tree: boolean): Buffer;
  resolve(architecture: number, name: string): number;
  version(): string;
}

let loaded: Library | undefined;

/** libseccomp. Loaded on first use only: a container without a profile does not pay for it. */
export function seccompLibrary(): Library {
  if (!loaded) {
    const module = { exports: {} };
    process.dlopen(module, libexecPath("catena-seccomp.node"));
    loaded = module.exports as Library;
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
