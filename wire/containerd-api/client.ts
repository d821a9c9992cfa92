import { GrpcChannel } from "#lib/rpc/grpc_channel.ts";
import { grpcClient } from "#lib/rpc/grpc_client.ts";
import { localClient } from "#lib/rpc/local_client.ts";
import { containerdErrors } from "./errors.ts";
import {
  CONTAINERD_SERVICES,
  type ContainerdImplementation,
  type ContainerdServices,
} from "./services.ts";

/** A client of a containerd and what closes its connection. */
export interface ContainerdConnection {
  services: ContainerdServices;
  close(): void;
}

/**
 * Connects to a containerd, ours or the genuine one, at the unix socket `address`. It connects
 * at the first call and again whenever containerd comes back.
 */
export function connectContainerd(address: string): ContainerdConnection {
  const channel = new GrpcChannel(address);
  const errors = containerdErrors({ address });
  const services: Record<string, unknown> = {};
  for (const [name, service] of Object.entries(CONTAINERD_SERVICES)) {
    services[name] = grpcClient(service, channel, errors);
  }
  return { services: services as ContainerdServices, close: () => channel.close() };
}

/** The same client over a containerd in this process: method calls instead of a socket. */
export function localContainerd(implementation: ContainerdImplementation): ContainerdServices {
  const services: Record<string, unknown> = {};
  for (const [name, service] of Object.entries(CONTAINERD_SERVICES)) {
    const target = implementation[name as keyof ContainerdImplementation];
    services[name] = localClient(service, target as never);
  }
  return services as ContainerdServices;
}
