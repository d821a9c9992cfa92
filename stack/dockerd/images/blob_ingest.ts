import { WriteAction } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { Descriptor } from "#lib/registry/manifest.ts";
import { registryFault } from "#lib/registry/registry_failure.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { inPieces, watched } from "./blob_store.ts";

/** A blob that comes from elsewhere, and how to read it from a byte on. */
export interface IncomingBlob {
  descriptor: Descriptor;
  labels?: Record<string, string>;
  open(from: number): ByteStream;
  /** Told the number of bytes that are stored. */
  stored?(bytes: number): void;
}

/**
 * Brings a blob into containerd's content store under a name of its own, so that what an earlier
 * try left is continued, even one before a restart. containerd checks digest and size; bytes that
 * are not what they must be are thrown away.
 */
export async function ingestBlob(
  services: ContainerdServices,
  blob: IncomingBlob,
  call: CallContext,
): Promise<void> {
  const resumed = await ingestOnce(services, blob, call);
  if (resumed === undefined) return;
  // What an earlier try left may be what was wrong.
  const again = resumed > 0 ? await ingestOnce(services, blob, call) : resumed;
  if (again === undefined) return;
  throw registryFault(
    "store layer",
    `filesystem layer verification failed for digest ${blob.descriptor.digest}`,
    [{ kind: "log", value: "the bytes that came have another digest; none were kept" }],
  );
}

const refOf = (digest: string) => `layer-${digest}`;

/** Undefined when the blob is stored; else the byte at which this try began: the digest differs. */
async function ingestOnce(
  services: ContainerdServices,
  blob: IncomingBlob,
  call: CallContext,
): Promise<number | undefined> {
  const { digest } = blob.descriptor;
  const failed: { error?: unknown } = {};
  const session = new IngestSession(blob);
  try {
    const requests = watched(session.requests(), failed);
    for await (const { offset } of services.content.write(requests, call)) {
      session.opened(Number(offset));
    }
    if (failed.error) {
      await keepForLater(services, digest, call);
      throw failed.error;
    }
    return undefined;
  } catch (error) {
    if (failed.error) {
      await keepForLater(services, digest, call);
      throw failed.error;
    }
    if (!(error instanceof ChainError)) throw error;
    if (error.outer.code === "already_exists") return undefined;
    if (error.outer.code !== "failed_precondition") throw error;
    await services.content.abort({ ref: refOf(digest) }, call).catch(() => undefined);
    return session.from;
  }
}

/**
 * What came so far belongs to the pull's lease, and would go with it. Opened once without a lease,
 * it stays for a day, as containerd keeps what nobody leased.
 */
async function keepForLater(
  services: ContainerdServices,
  digest: string,
  call: CallContext,
): Promise<void> {
  const { lease: _, ...unleased } = call;
  async function* ask() {
    yield { ref: refOf(digest), action: WriteAction.STAT };
  }
  try {
    for await (const _reply of services.content.write(ask(), unleased)) break;
  } catch {
    // Then the next try begins at the first byte: no harm is done.
  }
}

/** One stream of writes: first it asks how much is there. */
class IngestSession {
  readonly #blob: IncomingBlob;
  /** Where this try began. */
  from = 0;
  #open: ((offset: number) => void) | undefined;
  readonly #offset = new Promise<number>((resolve) => {
    this.#open = resolve;
  });

  constructor(blob: IncomingBlob) {
    this.#blob = blob;
  }

  opened(offset: number): void {
    this.#open?.(offset);
    this.#open = undefined;
  }

  async *requests() {
    const { descriptor, labels = {} } = this.#blob;
    const ref = refOf(descriptor.digest);
    const total = BigInt(descriptor.size);
    const base = { ref, total, expected: descriptor.digest };
    yield { ...base, action: WriteAction.STAT };
    let at = await this.#offset;
    this.from = at;
    this.#blob.stored?.(at);
    if (at < descriptor.size) {
      for await (const data of inPieces(this.#blob.open(at))) {
        yield { ref, action: WriteAction.WRITE, offset: BigInt(at), data };
        at += data.length;
        this.#blob.stored?.(at);
      }
    }
    yield { ...base, action: WriteAction.COMMIT, offset: BigInt(at), labels };
  }
}
