import { Health } from "#gen/lib/rpc/proto/health_pb.ts";
import type { ChainError } from "#lib/errors/chain_error.ts";
import { GrpcServer } from "#lib/rpc/grpc_server.ts";
import { healthService } from "#lib/rpc/health_service.ts";
import { containerdErrors } from "./errors.ts";
import { CONTAINERD_SERVICES, type ContainerdImplementation } from "./services.ts";

/**
 * Serves a containerd on the unix socket `address` (mode 0660). Returns what stops serving; calls
 * under way then get `graceMs` to end. `record` keeps errors that clients are told the id of.
 */
export async function serveContainerd(
  implementation: ContainerdImplementation,
  address: string,
  record?: (error: ChainError) => void,
): Promise<{ close(graceMs?: number): Promise<void> }> {
  const server = new GrpcServer(containerdErrors(record ? { record } : {}));
  for (const [name, service] of Object.entries(CONTAINERD_SERVICES)) {
    server.add(service, implementation[name as keyof ContainerdImplementation] as never);
  }
  const names = Object.values(CONTAINERD_SERVICES).map(({ typeName }) => typeName);
  server.add(Health, healthService(names));
  await server.listen(address);
  return server;
}
