import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import type { ImageBlobs } from "./image_blobs.ts";

/** The services that a transfer calls. */
export type TransferServices = Pick<
  ContainerdServices,
  "content" | "diff" | "images" | "leases" | "snapshots"
>;

/** One transfer under way. */
export interface TransferParts {
  services: TransferServices;
  /** With a lease, which keeps what is brought until it is stored. */
  context: CallContext;
  blobs: ImageBlobs;
  /** Tells the client what happens: an event, and what it is about. */
  progress(event: string, name?: string): void;
}
