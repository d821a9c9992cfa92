import { ChainError } from "./chain_error.ts";
import {
  ERROR_CODES,
  type ErrorCode,
  type Evidence,
  type Frame,
  LAYERS,
  type Layer,
} from "./frame.ts";

/** A ChainError as it crosses JSON carriers (Docker API body, runc log line, explain record). */
export interface ChainErrorJson {
  id: string;
  frames: Frame[];
  cleanup?: ChainErrorJson;
}

const MAX_FRAMES = 32;
const MAX_EVIDENCE = 256;

/** Encodes an error for a JSON carrier. */
export function chainErrorToJson(error: ChainError): ChainErrorJson {
  const json: ChainErrorJson = { id: error.id, frames: [...error.frames] };
  if (error.cleanup) json.cleanup = chainErrorToJson(error.cleanup);
  return json;
}

/**
 * Decodes what a carrier brought. Returns undefined for anything that is not such an error:
 * the carrier is a foreign process, so nothing about its shape is taken on trust.
 */
export function chainErrorFromJson(value: unknown, depth = 0): ChainError | undefined {
  if (typeof value !== "object" || value === null || depth > 4) return undefined;
  const { id, frames, cleanup } = value as Record<string, unknown>;
  if (typeof id !== "string" || !/^[a-z0-9]{1,32}$/.test(id)) return undefined;
  if (!Array.isArray(frames) || frames.length === 0 || frames.length > MAX_FRAMES) return undefined;
  const decoded: Frame[] = [];
  for (const item of frames) {
    const frame = frameFromJson(item);
    if (!frame) return undefined;
    decoded.push(frame);
  }
  const inner = cleanup === undefined ? undefined : chainErrorFromJson(cleanup, depth + 1);
  return new ChainError(decoded, inner ? { id, cleanup: inner } : { id });
}

function frameFromJson(value: unknown): Frame | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const raw = value as Record<string, unknown>;
  if (!LAYERS.includes(raw["layer"] as Layer)) return undefined;
  if (!ERROR_CODES.includes(raw["code"] as ErrorCode)) return undefined;
  if (typeof raw["op"] !== "string" || typeof raw["message"] !== "string") return undefined;
  const frame: Frame = {
    layer: raw["layer"] as Layer,
    op: raw["op"],
    code: raw["code"] as ErrorCode,
    message: raw["message"],
    evidence: evidenceFromJson(raw["evidence"]),
  };
  for (const key of ["causeId", "cause", "fix"] as const) {
    const text = raw[key];
    if (typeof text === "string") frame[key] = text;
  }
  return frame;
}

function evidenceFromJson(value: unknown): Evidence[] {
  if (!Array.isArray(value)) return [];
  const out: Evidence[] = [];
  for (const item of value.slice(0, MAX_EVIDENCE)) {
    if (typeof item !== "object" || item === null) continue;
    const { kind, value: text, ref } = item as Record<string, unknown>;
    if (typeof kind !== "string" || typeof text !== "string") continue;
    const evidence: Evidence = { kind: kind as Evidence["kind"], value: text };
    if (typeof ref === "string") evidence.ref = ref;
    out.push(evidence);
  }
  return out;
}
