import { join } from "node:path";
import { shimMain } from "#stack/containerd-shim/main.ts";
import type { RuntimeRequest } from "#stack/containerd-shim/shim_context.ts";
import { RuntimeClient } from "#wire/oci-runtime/client/runtime_client.ts";
import type { OciRuntime } from "#wire/oci-runtime/runtime.ts";

/** Where containerd's own shim keeps runc's state; the namespace follows. */
const DEFAULT_RUNTIME_ROOT = "/run/containerd/runc";

/** `containerd-shim-catena-v2`: the shim, its `start` and its `delete`. */
export function main(args: string[]): void {
  shimMain(args, makeRuntime);
}

/** A named executable through the client of the OCI runtime's command line. */
function makeRuntime(request: RuntimeRequest): OciRuntime {
  return new RuntimeClient({
    name: request.binaryName || "runc",
    root: join(request.root || DEFAULT_RUNTIME_ROOT, request.namespace),
    workFolder: request.workFolder,
    systemdCgroup: request.systemdCgroup,
  });
}
