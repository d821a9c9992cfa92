import { createRegistry, type DescField, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Any } from "@bufbuild/protobuf/wkt";
import * as container from "#gen/wire/containerd-api/proto/events/container_pb.ts";
import * as content from "#gen/wire/containerd-api/proto/events/content_pb.ts";
import * as namespace from "#gen/wire/containerd-api/proto/events/namespace_pb.ts";
import * as sandbox from "#gen/wire/containerd-api/proto/events/sandbox_pb.ts";
import * as snapshot from "#gen/wire/containerd-api/proto/events/snapshot_pb.ts";
import * as task from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import { file_wire_containerd_api_proto_images } from "#gen/wire/containerd-api/proto/images_pb.ts";
import { filled } from "../filter/filter_match.ts";

const EVENTS = createRegistry(
  container.file_wire_containerd_api_proto_events_container,
  content.file_wire_containerd_api_proto_events_content,
  namespace.file_wire_containerd_api_proto_events_namespace,
  sandbox.file_wire_containerd_api_proto_events_sandbox,
  snapshot.file_wire_containerd_api_proto_events_snapshot,
  task.file_wire_containerd_api_proto_events_task,
  file_wire_containerd_api_proto_images,
);

/**
 * The text of a field of an event, for filters such as `event.container_id==x`. Undefined for
 * unknown events and fields, for empty strings, and for anything that is no text.
 */
export function eventField(event: Any | undefined, path: readonly string[]): string | undefined {
  if (!event || path.length === 0) return undefined;
  const schema = EVENTS.getMessage(event.typeUrl.split("/").pop() ?? "");
  if (!schema) return undefined;
  try {
    return fieldOf(reflect(schema, fromBinary(schema, event.value)), path);
  } catch {
    // Bytes that do not decode have no fields.
    return undefined;
  }
}

function fieldOf(message: ReflectMessage, path: readonly string[]): string | undefined {
  const field = findField(message.desc, path[0]!);
  if (!field) return undefined;
  if (field.fieldKind === "map" && field.mapKind === "scalar") {
    const value = message.get(field).get(path.slice(1).join("."));
    return typeof value === "string" ? value : undefined;
  }
  if (field.fieldKind === "message" && path.length > 1) {
    const inner = message.get(field) as ReflectMessage;
    return fieldOf(inner, path.slice(1));
  }
  if (field.fieldKind !== "scalar" || path.length > 1) return undefined;
  const value: unknown = message.get(field);
  return typeof value === "string" ? filled(value) : undefined;
}

function findField(schema: DescMessage, name: string): DescField | undefined {
  // containerd's own generated code knows fields by their lower-case names.
  return schema.fields.find((field) => field.name.toLowerCase() === name.toLowerCase());
}
