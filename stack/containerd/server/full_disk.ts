import type { DescService } from "@bufbuild/protobuf";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import { fullDisk, isSqliteFull, type SpaceReserve } from "../metadata/space_reserve.ts";

type AnyMethod = (request: unknown, context: CallContext) => unknown;

/**
 * The same service on a disk that may be full. A call whose metadata finds it so gives up the
 * reserve, which lets deletions through; a unary call is then made once more.
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
    if (!isSqliteFull(error)) throw error;
    reserve.release();
  }
  try {
    return await method(request, context);
  } catch (error) {
    throw isSqliteFull(error) ? fullDisk("write metadata") : error;
  }
}

function stream(replies: AsyncIterable<unknown>, reserve: SpaceReserve): AsyncIterable<unknown> {
  return (async function* () {
    try {
      yield* replies;
    } catch (error) {
      if (!isSqliteFull(error)) throw error;
      reserve.release();
      throw fullDisk("write metadata");
    }
  })();
}
