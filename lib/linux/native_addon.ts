import { libexecPath } from "#lib/install/install_paths.ts";

/**
 * Loads the native addon by absolute path from the install folder. Embedded in the executable, Bun
 * would unpack it into /tmp at every start: slower, and code loaded by root from /tmp.
 */
export function nativeAddon<T>(): T {
  loaded ??= load();
  return loaded as T;
}

let loaded: unknown;

function load(): unknown {
  const module = { exports: {} };
  process.dlopen(module, libexecPath("catena.node"));
  return module.exports;
}
