import type { ChainError } from "#lib/errors/chain_error.ts";
import { GrpcServer } from "#lib/rpc/grpc_server.ts";
import { criErrors } from "./errors.ts";
import { CRI_VERSIONS, type CriImplementation, servicesOf } from "./services.ts";

/**
 * Serves the CRI on the unix socket `address` (mode 0660), under v1 and v1alpha2. Returns what
 * stops serving; calls under way then get `graceMs` to end. `record` keeps errors that clients are
 * told the id of.
 */
export async function serveCri(
  implementation: CriImplementation,
  address: string,
  record?: (error: ChainError) => void,
): Promise<{ close(graceMs?: number): Promise<void> }> {
  const server = new GrpcServer(criErrors(record ? { record } : {}));
  for (const version of CRI_VERSIONS) {
    const { runtime, image } = servicesOf(version);
    server.add(runtime, implementation.runtime);
    server.add(image, implementation.image);
  }
  await server.listen(address);
  return server;
}
