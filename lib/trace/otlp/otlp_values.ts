import type { MessageInitShape } from "@bufbuild/protobuf";
import type { KeyValueSchema, ResourceSchema } from "#gen/lib/trace/proto/otlp_pb.ts";

export type AttributeValues = Record<string, string | number | boolean>;
type KeyValueInit = MessageInitShape<typeof KeyValueSchema>;

/** Who measures: every request names it once for each resource. */
export const SCOPE = { name: "catena", version: "1" };

/** Attributes as OTLP has them. Whole numbers stay whole. */
export function otlpAttributes(values: AttributeValues): KeyValueInit[] {
  return Object.entries(values).map(([key, value]) => {
    if (typeof value === "string") return attribute(key, "stringValue", value);
    if (typeof value === "boolean") return attribute(key, "boolValue", value);
    if (Number.isSafeInteger(value)) return attribute(key, "intValue", BigInt(value));
    return attribute(key, "doubleValue", value);
  });
}

/** One link of the chain as OpenTelemetry's resource: a service of this host. */
export function otlpResource(
  service: string,
  host: string,
): MessageInitShape<typeof ResourceSchema> {
  const values = { "service.name": service, "service.namespace": "catena", "host.name": host };
  return { attributes: otlpAttributes(values) };
}

function attribute(
  key: string,
  kind: "stringValue" | "boolValue" | "intValue" | "doubleValue",
  value: string | boolean | bigint | number,
): KeyValueInit {
  return { key, value: { value: { case: kind, value } as never } };
}
