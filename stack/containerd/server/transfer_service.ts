import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Transfer, TransferRequest } from "#gen/wire/containerd-api/proto/transfer_pb.ts";
import {
  ImageExportStreamSchema,
  ImageImportStreamSchema,
  ImageStoreSchema,
  type OCIRegistry,
  OCIRegistrySchema,
  ProgressSchema,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";
import { receiveBytes, sendBytes } from "../transfer/byte_stream.ts";
import { askClient } from "../transfer/client_credentials.ts";
import type { ClientStreams } from "../transfer/client_stream.ts";
import { ImageBlobs } from "../transfer/image_blobs.ts";
import { exportImages } from "../transfer/image_export.ts";
import { importImages } from "../transfer/image_import.ts";
import { tagImage } from "../transfer/image_store.ts";
import { type AskCredentials, pullImage } from "../transfer/registry_pull.ts";
import { pushImage } from "../transfer/registry_push.ts";
import type { TransferParts, TransferServices } from "../transfer/transfer_parts.ts";

/** Holds what a transfer brings, should it never end. */
const LEASE_HOURS = 24;

/** The transfer service: images between archives, registries and the store, and under new names. */
export function transferService(
  services: TransferServices,
  streams: ClientStreams,
): ServiceImplementation<typeof Transfer> {
  return {
    transfer: async (request, context) => {
      const namespace = namespaceOf(context);
      const id = request.options?.progressStream;
      const told = id ? streams.get(namespace, id) : undefined;
      try {
        await withLease(services, context, async (leased) => {
          await transfer(streams, request, {
            services,
            context: leased,
            blobs: new ImageBlobs(services.content, leased),
            progress: (event, name = "") => told?.send(ProgressSchema, { event, name }),
          });
        });
      } finally {
        told?.close();
      }
      return {};
    },
  };
}

async function transfer(
  streams: ClientStreams,
  { source, destination }: TransferRequest,
  parts: TransferParts,
): Promise<void> {
  const namespace = namespaceOf(parts.context);
  const [from, to] = [typeOf(source), typeOf(destination)];
  if (from === ImageImportStreamSchema.typeName && to === ImageStoreSchema.typeName) {
    const stream = streams.get(namespace, decode(ImageImportStreamSchema, source).stream);
    try {
      await importImages(parts, receiveBytes(stream), decode(ImageStoreSchema, destination));
    } finally {
      stream.close();
    }
  } else if (from === ImageStoreSchema.typeName && to === ImageExportStreamSchema.typeName) {
    const options = decode(ImageExportStreamSchema, destination);
    const stream = streams.get(namespace, options.stream);
    try {
      parts.progress("Exporting");
      await sendBytes(stream, exportImages(parts, decode(ImageStoreSchema, source), options));
      parts.progress("Completed export");
    } finally {
      stream.close();
    }
  } else if (from === OCIRegistrySchema.typeName && to === ImageStoreSchema.typeName) {
    const store = decode(ImageStoreSchema, destination);
    await withRegistry(streams, parts, source, (registry, ask) =>
      pullImage(parts, registry, store, ask),
    );
  } else if (from === ImageStoreSchema.typeName && to === OCIRegistrySchema.typeName) {
    const store = decode(ImageStoreSchema, source);
    await withRegistry(streams, parts, destination, (registry, ask) =>
      pushImage(parts, store, registry, ask),
    );
  } else if (from === ImageStoreSchema.typeName && to === ImageStoreSchema.typeName) {
    await tagImage(parts, decode(ImageStoreSchema, source), decode(ImageStoreSchema, destination));
  } else {
    throw refuse("unimplemented", `method Transfer not implemented for ${from} to ${to}`);
  }
}

/** Works with a registry whose credentials the client tells over a stream, if it opened one. */
async function withRegistry(
  streams: ClientStreams,
  parts: TransferParts,
  given: Any | undefined,
  work: (registry: OCIRegistry, ask: AskCredentials) => Promise<void>,
): Promise<void> {
  const registry = decode(OCIRegistrySchema, given);
  const id = registry.resolver?.authStream;
  const stream = id ? streams.get(namespaceOf(parts.context), id) : undefined;
  try {
    await work(registry, async (host, reference) =>
      stream ? await askClient(stream, host, reference) : {},
    );
  } finally {
    stream?.close();
  }
}

/** Runs work with a lease: what it brings is held until names point at it. */
async function withLease(
  { leases }: TransferServices,
  context: CallContext,
  work: (leased: CallContext) => Promise<void>,
): Promise<void> {
  if (context.lease) {
    await work(context);
    return;
  }
  const expires = new Date();
  expires.setHours(expires.getHours() + LEASE_HOURS);
  const id = `transfer-${crypto.randomUUID()}`;
  const labels = { "containerd.io/gc.expire": expires.toISOString() };
  await leases.create({ id, labels }, context);
  try {
    await work({ ...context, lease: id });
  } finally {
    // Not cut short when the client leaves.
    await leases.delete({ id }, { namespace: namespaceOf(context) });
  }
}

function typeOf(any: Any | undefined): string {
  return any?.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) ?? "";
}

function decode<D extends DescMessage>(schema: D, any: Any | undefined): MessageShape<D> {
  return fromBinary(schema, any?.value ?? new Uint8Array(0));
}
