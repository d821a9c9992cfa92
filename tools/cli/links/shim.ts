import { join } from "node:path";
import { shimMain } from "#stack/containerd-shim/main.ts";
import type { RuntimeRequest } from "#stack/containerd-shim/shim_context.ts";
import type { OciRuntime } from "#wire/oci-runtime/runtime.ts";

/** Where containerd's own shim keeps runc's state; the namespace follows. */
const DEFAULT_RUNTIME_ROOT = "/run/containerd/runc";

type LibraryModule = typeof import("#stack/runc/runtime.ts");
type ImageModule = typeof import("#stack/runc/process/init_image.ts");
type SeccompModule = typeof import("#stack/runc/seccomp/seccomp_library.ts");
type ClientModule = typeof import("#wire/oci-runtime/client/runtime_client.ts");

/** `containerd-shim-catena-v2`: the shim, its `start` and its `delete`. */
export function main(args: string[]): void {
  shimMain(args, makeRuntime, prepare);
}

/**
 * What our runtime executes and loads, as it is while this shim starts. What comes after runs over
 * and over: the executable starts reluctant to compile (tools/setup/build.mjs), and is no longer.
 */
function prepare(): void {
  Bun.unsafe.setJITPolicy(1);
  (require("#stack/runc/seccomp/seccomp_library.ts") as SeccompModule).holdLibrary();
  (require("#stack/runc/process/init_image.ts") as ImageModule).loadInit();
}

/** Our own runtime as a library in this process; a named executable through its command line. */
function makeRuntime(request: RuntimeRequest): OciRuntime {
  const root = join(request.root || DEFAULT_RUNTIME_ROOT, request.namespace);
  if (request.binaryName === "") {
    const { CatenaRuntime } = require("#stack/runc/runtime.ts") as LibraryModule;
    return new CatenaRuntime({
      root,
      systemd: request.systemdCgroup,
      ...(request.sink ? { sink: request.sink } : {}),
      ...(request.warn ? { warn: request.warn } : {}),
    });
  }
  const client = require("#wire/oci-runtime/client/runtime_client.ts") as ClientModule;
  return new client.RuntimeClient({
    name: request.binaryName,
    root,
    workFolder: request.workFolder,
    systemdCgroup: request.systemdCgroup,
  });
}
