import { create } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type UntypedHandleCall } from "@grpc/grpc-js";
import { Health, HealthCheckResponseSchema } from "#gen/lib/rpc/proto/health_pb.ts";
import { methodCodecs } from "#lib/rpc/method_codec.ts";

/** A gRPC server on loopback with the standard health service, for grpc probes. */
export interface HealthServer {
  port: number;
  close(): void;
}

/** Starts one that always serves. */
export async function startHealthServer(): Promise<HealthServer> {
  const check = methodCodecs(Health).find(({ localName }) => localName === "check")!;
  const handler = (_: unknown, done: (error: null, reply: unknown) => void): void =>
    done(null, create(HealthCheckResponseSchema, { status: 1 }));
  const server = new Server();
  server.addService(
    {
      check: {
        path: check.path,
        requestStream: false,
        responseStream: false,
        requestSerialize: check.encodeRequest,
        requestDeserialize: check.decodeRequest,
        responseSerialize: check.encodeReply,
        responseDeserialize: check.decodeReply,
      },
    },
    { check: handler as UntypedHandleCall },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  );
  return { port: await promise, close: () => server.forceShutdown() };
}
