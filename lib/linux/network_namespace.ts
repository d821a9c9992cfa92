import { nativeAddon } from "./native_addon.ts";

interface NetworkNamespaceCalls {
  createNetworkNamespace(path: string): void;
  callInNetworkNamespace<T>(path: string, call: () => T): T;
}

/**
 * Makes a network namespace that a mount on the new file `path` keeps alive: it ends when that is
 * unmounted and nothing lives in it. Its loopback is down. Throws the system call's error.
 */
export function createNetworkNamespace(path: string): void {
  nativeAddon<NetworkNamespaceCalls>().createNetworkNamespace(path);
}

/**
 * Runs `call` with this thread in the network namespace at `path`, and returns what it returns.
 * A socket that it makes belongs there for good. It must not wait: only what happens before it
 * returns happens there, and other work of this thread would else follow it in.
 */
export function callInNetworkNamespace<T>(path: string, call: () => T): T {
  return nativeAddon<NetworkNamespaceCalls>().callInNetworkNamespace(path, call);
}
