import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema, type Status, StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import { ChainError } from "../errors/chain_error.ts";
import { chainErrorFromJson, chainErrorToJson } from "../errors/error_json.ts";
import { ERROR_CODES, type ErrorCode, type Frame, type Layer } from "../errors/frame.ts";

/** The detail that carries our frames, as JSON, beside the standard google.rpc.ErrorInfo. */
export const CHAIN_DETAIL_TYPE = "types.catena.dev/ChainError";
/** Foreign peers may send any number of details; ours is the first of them. */
const MAX_DETAILS = 16;

/** The number that gRPC and ttrpc give a code: our vocabulary is theirs, in their order from 1. */
export function codeNumber(code: ErrorCode): number {
  return ERROR_CODES.indexOf(code) + 1;
}

/** The code of a number; anything that gRPC does not know is `unknown`. */
export function codeOfNumber(number: number): ErrorCode {
  return ERROR_CODES[number - 1] ?? "unknown";
}

/** Encodes an error for gRPC or ttrpc: code, joined message, and the frames in the details. */
export function statusFromError(error: ChainError): Status {
  const { layer, op, code } = error.outer;
  const info = create(ErrorInfoSchema, {
    reason: error.causeId ?? code,
    domain: "catena",
    metadata: { id: error.id, layer, op },
  });
  const json = JSON.stringify(chainErrorToJson(error));
  const frames = { typeUrl: CHAIN_DETAIL_TYPE, value: new TextEncoder().encode(json) };
  return create(StatusSchema, {
    code: codeNumber(code),
    message: error.message,
    details: [frames, anyPack(ErrorInfoSchema, info)],
  });
}

/**
 * Decodes a peer's refusal. One of ours comes back frame for frame, under its own id; a foreign one
 * becomes one frame of `layer`. A foreign text that quotes an id of ours keeps it, so that
 * `catena explain` still finds what the text has lost.
 */
export function errorFromStatus(
  status: { code: number; message: string; details?: Pick<Any, "typeUrl" | "value">[] },
  layer: Layer,
  op: string,
): ChainError {
  for (const detail of status.details?.slice(0, MAX_DETAILS) ?? []) {
    if (detail.typeUrl !== CHAIN_DETAIL_TYPE) continue;
    const error = decodeFrames(detail.value);
    if (error) return error;
  }
  return errorFromText(status.message, { layer, op, code: codeOfNumber(status.code) });
}

/** A ChainError of one frame around foreign text; an id of ours within the text becomes its id. */
export function errorFromText(
  text: string,
  frame: Pick<Frame, "layer" | "op" | "code"> & Partial<Frame>,
): ChainError {
  const quoted = text.match(/ ?\(catena explain ([a-z0-9]{1,32})\)/);
  if (!quoted) return new ChainError([{ ...frame, message: text }]);
  const message = text.replace(quoted[0], "");
  // Says that there is more to tell than the text, so that the next link quotes the id again.
  const quote = {
    kind: "trace",
    value: "a link below recorded this error",
    ref: quoted[1]!,
  } as const;
  const evidence = [...(frame.evidence ?? []), quote];
  return new ChainError([{ ...frame, message, evidence }], { id: quoted[1]! });
}

function decodeFrames(value: Uint8Array): ChainError | undefined {
  try {
    return chainErrorFromJson(JSON.parse(new TextDecoder().decode(value)));
  } catch {
    return undefined;
  }
}
