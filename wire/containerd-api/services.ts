import type { DescService } from "@bufbuild/protobuf";
import { Containers } from "#gen/wire/containerd-api/proto/containers_pb.ts";
import { Content } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { Diff } from "#gen/wire/containerd-api/proto/diff_pb.ts";
import { Events } from "#gen/wire/containerd-api/proto/events_service_pb.ts";
import { Images } from "#gen/wire/containerd-api/proto/images_pb.ts";
import { Introspection } from "#gen/wire/containerd-api/proto/introspection_pb.ts";
import { Leases } from "#gen/wire/containerd-api/proto/leases_pb.ts";
import { Namespaces } from "#gen/wire/containerd-api/proto/namespaces_pb.ts";
import { Store } from "#gen/wire/containerd-api/proto/sandbox_pb.ts";
import { Snapshots } from "#gen/wire/containerd-api/proto/snapshots_pb.ts";
import { Streaming } from "#gen/wire/containerd-api/proto/streaming_pb.ts";
import { Tasks } from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import { Transfer } from "#gen/wire/containerd-api/proto/transfer_pb.ts";
import { Version } from "#gen/wire/containerd-api/proto/version_pb.ts";
import type { ServiceClient, ServiceImplementation } from "#lib/rpc/service.ts";

/** Every service that containerd serves, under the name that the bundles below give it. */
export const CONTAINERD_SERVICES = {
  containers: Containers,
  content: Content,
  diff: Diff,
  events: Events,
  images: Images,
  introspection: Introspection,
  leases: Leases,
  namespaces: Namespaces,
  sandboxStore: Store,
  snapshots: Snapshots,
  streaming: Streaming,
  tasks: Tasks,
  transfer: Transfer,
  version: Version,
} as const satisfies Record<string, DescService>;

type Services = typeof CONTAINERD_SERVICES;

/** All of containerd from a client's side, over a socket or in process. */
export type ContainerdServices = { [K in keyof Services]: ServiceClient<Services[K]> };

/** All of containerd as its box implements it. */
export type ContainerdImplementation = {
  [K in keyof Services]: ServiceImplementation<Services[K]>;
};
