import type { DescService } from "@bufbuild/protobuf";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import type { SpaceReserve } from "../metadata/space_reserve.ts";

type AnyMethod = (request: unknown, context: CallContext) => unknown;

/**
 * The same service on a disk that may be full. A call that finds it so gives up the reserve, which
 * lets deletions through; a unary call whose metadata found no room is made once more.
 */
export function onFullDisk<S extends DescService>(
  service: S,
  implementation: ServiceImplementation<S>,
  reserve: SpaceReserve,
): ServiceImplementation<S> {
  const target = implementation as unknown as Record<string, AnyMethod>;
  const out: Record<string, AnyMethod> = {};
  for (const { localName, methodKind } of service.methods) {
    const method: AnyMethod = (request, context) => target[localName]!(request, context);
    out[localName] =
      methodKind === "unary"
        ? (request, context) => unary(method, request, context, reserve)
        : (request, context) => stream(method(request, context) as AsyncIterable<unknown>, reserve);
  }
  return out as unknown as ServiceImplementation<S>;
}

async function unary(
  method: AnyMethod,
  request: unknown,
  context: CallContext,
  reserve: SpaceReserve,
): Promise<unknown> {
  try {
    return await method(request, context);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    reserve.release();
    if (!isSqliteFull(error)) throw error;
  }
  try {
    return await method(request, context);
  } catch (error) {
    throw isSqliteFull(error) ? fullDisk() : error;
  }
}

function stream(replies: AsyncIterable<unknown>, reserve: SpaceReserve): AsyncIterable<unknown> {
  return (async function* () {
    try {
      yield* replies;
    } catch (error) {
      if (isNoSpace(error)) reserve.release();
      throw isSqliteFull(error) ? fullDisk() : error;
    }
  })();
}

function isNoSpace(error: unknown): boolean {
  if (isSqliteFull(error) || (error as NodeJS.ErrnoException).code === "ENOSPC") return true;
  return (
    error instanceof ChainError &&
    error.evidence.some(({ kind, value }) => kind === "errno" && value === "ENOSPC")
  );
}

function isSqliteFull(error: unknown): boolean {
  return (error as { code?: unknown }).code === "SQLITE_FULL";
}

function fullDisk(): ChainError {
  return failure({
    layer: "containerd",
    op: "metadata.write",
    code: "resource_exhausted",
    message: "write metadata: no space left on device",
    cause: "the file system of containerd's root folder is full",
    fix: "remove images and containers, or free space on that file system",
    evidence: [{ kind: "errno", value: "ENOSPC" }],
  });
}
