import type { Version } from "#gen/wire/containerd-api/proto/version_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";

/** The level of containerd's API that this daemon serves, then our own version. */
export const CONTAINERD_VERSION = "1.6.20+catena.0.1.0";
const REVISION = "catena";

/** The version service. */
export function versionService(): ServiceImplementation<typeof Version> {
  return { version: async () => ({ version: CONTAINERD_VERSION, revision: REVISION }) };
}
