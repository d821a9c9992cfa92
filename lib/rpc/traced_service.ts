import type { DescService } from "@bufbuild/protobuf";
import type { Tracer } from "#lib/trace/tracer.ts";
import type { CallContext, ServiceImplementation } from "./service.ts";

type AnyMethod = (request: unknown, context: CallContext) => Promise<unknown>;

/**
 * The same service with a span around each unary call, whose context is what the call passes on.
 * Streams are passed through: how long one lasts says nothing about work.
 */
export function tracedService<S extends DescService>(
  service: S,
  implementation: ServiceImplementation<S>,
  tracer: Tracer,
): ServiceImplementation<S> {
  const target = implementation as unknown as Record<string, AnyMethod>;
  const out: Record<string, AnyMethod> = {};
  for (const { localName, name, methodKind } of service.methods) {
    const method: AnyMethod = (request, context) => target[localName]!(request, context);
    const spanName = `${service.name}.${name}`;
    out[localName] =
      methodKind === "unary"
        ? (request, context) =>
            tracer.span(spanName, context.trace, (span) =>
              method(request, { ...context, trace: span.context }),
            )
        : method;
  }
  return out as unknown as ServiceImplementation<S>;
}
