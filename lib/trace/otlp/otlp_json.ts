import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type JsonValue, toJson } from "@bufbuild/protobuf";

/** Fields that OTLP writes in hexadecimal, where protobuf's own JSON has base64. */
const HEX_FIELDS = new Set(["traceId", "spanId", "parentSpanId"]);

/**
 * A request in OTLP's JSON: protobuf's JSON with numbers for enumerations and hexadecimal ids.
 */
export function otlpJson<T extends DescMessage>(schema: T, message: MessageShape<T>): string {
  const body = toJson(schema, message, { enumAsInteger: true });
  return JSON.stringify(body, (key, value: JsonValue) =>
    HEX_FIELDS.has(key) && typeof value === "string" ? Uint8Array.fromBase64(value).toHex() : value,
  );
}
