import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Client, ServiceError } from "@grpc/grpc-js";

export type GrpcReply<T> =
  | { ok: true; message: T; latencyMs: number }
  | { ok: false; timedOut: boolean; code: number; text: string; latencyMs: number };

const DEADLINE_EXCEEDED = 4;

/** A connection to a containerd that may be ill. `close` it after use. */
export class GrpcPatient {
  readonly #client: Client;
  readonly #namespace: string;

  constructor(socket: string, namespace: string) {
    // Loaded here only: most diagnoses end before any gRPC call.
    const grpc = require("@grpc/grpc-js") as typeof import("@grpc/grpc-js");
    this.#client = new grpc.Client(`unix://${socket}`, grpc.credentials.createInsecure());
    this.#namespace = namespace;
  }

  /**
   * One unary call under a hard time limit. Never rejects. `service` is the service's full name
   * where it goes by another than the method's own.
   */
  call<I extends DescMethodUnary["input"], O extends DescMethodUnary["output"]>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    timeoutMs: number,
    service = method.parent.typeName,
  ): Promise<GrpcReply<MessageShape<O>>> {
    const grpc = require("@grpc/grpc-js") as typeof import("@grpc/grpc-js");
    const metadata = new grpc.Metadata();
    metadata.set("containerd-namespace", this.#namespace);
    const started = performance.now();
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        `/${service}/${method.name}`,
        (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        create(method.input, request),
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error: ServiceError | null, message?: MessageShape<O>) => {
          const latencyMs = performance.now() - started;
          if (!error && message) return resolve({ ok: true, message, latencyMs });
          const code = error?.code ?? 2;
          const text = error?.details ?? "empty answer";
          resolve({ ok: false, timedOut: code === DEADLINE_EXCEEDED, code, text, latencyMs });
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
