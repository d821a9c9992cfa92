import type {
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { TraceContext } from "../trace/span.ts";

/** What travels beside a request on gRPC and ttrpc, and between boxes that share a process. */
export interface CallContext {
  /** The `containerd-namespace` header. */
  namespace?: string;
  /** The `containerd-lease` header. */
  lease?: string;
  trace?: TraceContext;
  /** Aborted when the caller went away or its deadline passed. */
  signal?: AbortSignal;
  /** Milliseconds from now after which the caller no longer waits. */
  timeoutMs?: number;
}

type Method<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageInitShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (
            requests: AsyncIterable<MessageShape<I>>,
            context: CallContext,
          ) => Promise<MessageInitShape<O>>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageShape<I>>,
              context: CallContext,
            ) => AsyncIterable<MessageInitShape<O>>
          : never;

/**
 * An implementation of a protobuf service: what a server exposes and what the next box calls when
 * both share a process.
 */
export type ServiceImplementation<S extends DescService> = {
  [K in keyof S["method"]]: Method<S["method"][K]>;
};

type ClientMethod<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, context: CallContext) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, context: CallContext) => AsyncIterable<MessageShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (
            requests: AsyncIterable<MessageInitShape<I>>,
            context: CallContext,
          ) => Promise<MessageShape<O>>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageInitShape<I>>,
              context: CallContext,
            ) => AsyncIterable<MessageShape<O>>
          : never;

/** The same service from the caller's side. */
export type ServiceClient<S extends DescService> = {
  [K in keyof S["method"]]: ClientMethod<S["method"][K]>;
};
