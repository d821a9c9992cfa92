import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { ChainDetailSchema } from "#gen/lib/rpc/proto/chain_pb.ts";
import { ErrorInfoSchema, type Status, StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import type { ChainError } from "#lib/errors/chain_error.ts";
import {
  type ChainErrorJson,
  chainErrorFromJson,
  chainErrorToJson,
} from "#lib/errors/error_json.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";

/** google.rpc.Code: the numbers that gRPC and ttrpc send. */
const NUMBERS: Record<ErrorCode, number> = {
  cancelled: 1,
  unknown: 2,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
};

const CODES = new Map(
  Object.entries(NUMBERS).map(([code, number]) => [number, code as ErrorCode] as const),
);

/** Details travel in HTTP/2 trailers, where peers accept little: 64 KiB in Node, less elsewhere. */
const MAX_DETAIL_BYTES = 8 * 1024;
const CHAIN_DETAIL = ChainDetailSchema.typeName;
const ERROR_DOMAIN = "catena";

/** The number that a code has on gRPC and ttrpc. */
export function codeNumber(code: ErrorCode): number {
  return NUMBERS[code];
}

/** The code behind a number; numbers that nobody defines are "unknown". */
export function codeOfNumber(number: number): ErrorCode {
  return CODES.get(number) ?? "unknown";
}

/**
 * Makes the status that carries an error over gRPC or ttrpc: code of the outermost frame, `message`
 * as its text, the frames as our detail and the standard ErrorInfo. Evidence, then details as a
 * whole, are left out when they would not fit into trailers.
 */
export function statusOfError(error: ChainError, message: string): Status {
  const status = create(StatusSchema, { code: NUMBERS[error.outer.code], message });
  const detail = chainDetail(chainErrorToJson(error)) ?? chainDetail(withoutEvidence(error));
  if (detail) status.details.push(detail);
  const metadata: Record<string, string> = { id: error.id, layer: error.root.layer };
  const reason = error.causeId ?? error.outer.code;
  status.details.push(
    anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata })),
  );
  return status;
}

/** Reads the frames that one of ours put into a status. Undefined when there are none. */
export function errorOfStatus(status: Status): ChainError | undefined {
  for (const detail of status.details) {
    const error = readDetail(detail);
    if (error) return error;
  }
  return undefined;
}

/** Decodes a status that came as bytes from a foreign process. Undefined when it does not parse. */
export function parseStatus(bytes: Uint8Array): Status | undefined {
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}

function chainDetail(json: ChainErrorJson): Any | undefined {
  const text = JSON.stringify(json);
  if (Buffer.byteLength(text) > MAX_DETAIL_BYTES) return undefined;
  return anyPack(ChainDetailSchema, create(ChainDetailSchema, { json: text }));
}

function withoutEvidence(error: ChainError): ChainErrorJson {
  return { id: error.id, frames: error.frames.map((frame) => ({ ...frame, evidence: [] })) };
}

function readDetail(detail: Any): ChainError | undefined {
  if (detail.typeUrl.split("/").pop() !== CHAIN_DETAIL) return undefined;
  try {
    const { json } = fromBinary(ChainDetailSchema, detail.value);
    return chainErrorFromJson(JSON.parse(json));
  } catch {
    // A foreign process may use our name for anything; its words remain.
    return undefined;
  }
}

/** The bytes of a status, as the `grpc-status-details-bin` trailer carries them. */
export function statusBytes(status: Status): Buffer {
  return Buffer.from(toBinary(StatusSchema, status));
}
