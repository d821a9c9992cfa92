import {
  create,
  type DescMethod,
  type DescService,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";

/** How one method of a service looks on a wire: its path, its streams, its messages as bytes. */
export interface MethodCodec {
  localName: string;
  /** `/package.Service/Method` */
  path: string;
  /** `Service.Method`, as errors and spans name the call. */
  op: string;
  streamsIn: boolean;
  streamsOut: boolean;
  encodeRequest(message: unknown): Buffer;
  decodeRequest(bytes: Uint8Array): unknown;
  encodeReply(message: unknown): Buffer;
  decodeReply(bytes: Uint8Array): unknown;
}

/** Describes every method of a service. */
export function methodCodecs(service: DescService): MethodCodec[] {
  return service.methods.map((method) => methodCodec(service, method));
}

function methodCodec(service: DescService, method: DescMethod): MethodCodec {
  const { input, output, methodKind, localName, name } = method;
  return {
    localName,
    path: `/${service.typeName}/${name}`,
    op: `${service.name}.${name}`,
    streamsIn: methodKind === "client_streaming" || methodKind === "bidi_streaming",
    streamsOut: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    encodeRequest: (message) => asBuffer(toBinary(input, create(input, message as never))),
    decodeRequest: (bytes) => fromBinary(input, bytes),
    encodeReply: (message) => asBuffer(toBinary(output, create(output, message as never))),
    decodeReply: (bytes) => fromBinary(output, bytes),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
