import type { DescService } from "@bufbuild/protobuf";
import type { Layer } from "#lib/errors/frame.ts";
import { GrpcChannel } from "#lib/rpc/grpc_channel.ts";
import { grpcClient } from "#lib/rpc/grpc_client.ts";
import { localClient } from "#lib/rpc/local_client.ts";
import { criErrors } from "../errors.ts";
import {
  CRI_SERVICES,
  type CriImplementation,
  type CriServices,
  type CriVersion,
  servicesOf,
} from "../services.ts";

/** A client of a container runtime and what closes its connection. */
export interface CriConnection {
  services: CriServices;
  close(): void;
}

export interface CriConnectOptions {
  /** Default v1. */
  version?: CriVersion;
  /** The link that errors without frames are put down to. Default dockershim. */
  layer?: Layer;
}

/**
 * Connects to a CRI runtime (our dockershim, containerd, cri-dockerd, …) at the unix socket
 * `address`. It connects at the first call and again whenever the runtime comes back. Calls reject
 * with a ChainError: frames of ours come over whole, foreign text becomes one frame.
 */
export function connectCri(address: string, options: CriConnectOptions = {}): CriConnection {
  const { version = "v1", layer = "dockershim" } = options;
  const channel = new GrpcChannel(address);
  const errors = criErrors({ address, layer });
  const { runtime, image } = servicesOf(version);
  return {
    services: {
      runtime: grpcClient(runtime, channel, errors),
      image: grpcClient(image, channel, errors),
    },
    close: () => channel.close(),
  };
}

/** The same client over a dockershim in this process: method calls instead of a socket. */
export function localCri(implementation: CriImplementation): CriServices {
  const local = <S extends DescService>(service: S, target: unknown) =>
    localClient(service, target as never);
  return {
    runtime: local(CRI_SERVICES.runtime, implementation.runtime),
    image: local(CRI_SERVICES.image, implementation.image),
  };
}
