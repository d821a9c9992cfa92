import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ExportResponseSchema } from "#gen/lib/trace/proto/otlp_pb.ts";
import { otlpJson } from "./otlp_json.ts";

/** Where telemetry goes, as OpenTelemetry's own variables say it. */
export interface OtlpEndpoint {
  /** The collector's base URL; /v1/traces and /v1/metrics follow. */
  url: string;
  protocol: "http/protobuf" | "http/json";
  headers: Record<string, string>;
}

/** What became of one request. */
export interface OtlpOutcome {
  /** "retry": the collector or the network was not able to take it now. */
  result: "taken" | "refused" | "retry";
  /** Why not, or what a collector that took only a part says. */
  reason?: string;
  retryAfterMs?: number;
}

const REQUEST_MS = 10_000;
/** Answers that OTLP calls worth another try. */
const RETRYABLE = new Set([429, 502, 503, 504]);
const MAX_REASON = 300;
const MAX_RETRY_AFTER_MS = 300_000;

/** Reads an endpoint from a flag and OTEL_EXPORTER_OTLP_*. Undefined when neither names one. */
export function otlpEndpoint(
  flag: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): OtlpEndpoint | undefined {
  const url = flag ?? env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (url === undefined || url === "") return undefined;
  const headers: Record<string, string> = {};
  for (const pair of (env["OTEL_EXPORTER_OTLP_HEADERS"] ?? "").split(",")) {
    const at = pair.indexOf("=");
    if (at > 0) headers[pair.slice(0, at).trim()] = decodeText(pair.slice(at + 1).trim());
  }
  const json = env["OTEL_EXPORTER_OTLP_PROTOCOL"] === "http/json";
  return {
    url: url.replace(/\/+$/, ""),
    protocol: json ? "http/json" : "http/protobuf",
    headers,
  };
}

/** Sends one request to `path` ("/v1/traces"). Never rejects. */
export async function postOtlp<T extends DescMessage>(
  endpoint: OtlpEndpoint,
  path: string,
  schema: T,
  message: MessageShape<T>,
): Promise<OtlpOutcome> {
  const json = endpoint.protocol === "http/json";
  const type = json ? "application/json" : "application/x-protobuf";
  const body = json ? otlpJson(schema, message) : toBinary(schema, message);
  try {
    const response = await fetch(endpoint.url + path, {
      method: "POST",
      headers: { ...endpoint.headers, "Content-Type": type },
      body: typeof body === "string" ? body : new Uint8Array(body),
      redirect: "error",
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const answer = await response.arrayBuffer();
    if (response.ok) return takenOutcome(new Uint8Array(answer), json);
    const text = new TextDecoder().decode(answer).slice(0, MAX_REASON);
    const reason = `${response.status} ${text}`.trim();
    if (!RETRYABLE.has(response.status)) return { result: "refused", reason };
    const seconds = Number(response.headers.get("Retry-After") ?? "");
    const retryAfterMs = Math.min(seconds * 1000, MAX_RETRY_AFTER_MS);
    return { result: "retry", reason, ...(retryAfterMs > 0 && { retryAfterMs }) };
  } catch (error) {
    return { result: "retry", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** A collector may take a part and say so; that must not be sent again. */
function takenOutcome(answer: Uint8Array, json: boolean): OtlpOutcome {
  try {
    if (json || answer.length === 0) return { result: "taken" };
    const { partialSuccess } = fromBinary(ExportResponseSchema, answer);
    if (!partialSuccess || partialSuccess.rejected === 0n) return { result: "taken" };
    const reason = `${partialSuccess.rejected} not taken: ${partialSuccess.errorMessage}`;
    return { result: "taken", reason: reason.slice(0, MAX_REASON) };
  } catch {
    return { result: "taken" };
  }
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
