import { create, type DescService } from "@bufbuild/protobuf";
import type { ServiceClient, ServiceImplementation } from "./service.ts";

type AnyMethod = (request: unknown, context: unknown) => unknown;

/**
 * The client of a box that shares this process: a method call where the split stack has a socket.
 * Requests and replies are completed to whole messages, which is all that a wire would change.
 */
export function localClient<S extends DescService>(
  service: S,
  implementation: ServiceImplementation<S>,
): ServiceClient<S> {
  const client: Record<string, AnyMethod> = {};
  for (const method of service.methods) {
    const { localName, methodKind, input, output } = method;
    const target = implementation as unknown as Record<string, AnyMethod>;
    const whole = (value: unknown) => create(output, value as never);
    const streamsIn = methodKind === "client_streaming" || methodKind === "bidi_streaming";
    const streamsOut = methodKind === "server_streaming" || methodKind === "bidi_streaming";
    client[localName] = (request, context) => {
      const given = streamsIn
        ? mapStream(request as AsyncIterable<unknown>, (item) => create(input, item as never))
        : create(input, request as never);
      const result = target[localName]!(given, context);
      if (streamsOut) return mapStream(result as AsyncIterable<unknown>, whole);
      return (result as Promise<unknown>).then(whole);
    };
  }
  return client as ServiceClient<S>;
}

async function* mapStream<T, U>(items: AsyncIterable<T>, map: (item: T) => U): AsyncIterable<U> {
  for await (const item of items) yield map(item);
}
