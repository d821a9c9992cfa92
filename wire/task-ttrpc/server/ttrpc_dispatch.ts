import {
  create,
  type DescMethod,
  type DescService,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import type { Request } from "#gen/wire/task-ttrpc/proto/ttrpc_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import { unimplemented } from "../errors.ts";

type UnaryHandler = (request: unknown, context: CallContext) => Promise<unknown>;

interface Route {
  method: DescMethod;
  handler: UnaryHandler;
}

/** Finds the method of a request, decodes, calls, encodes: independent of any socket. */
export class TtrpcDispatch {
  readonly #services = new Map<string, Map<string, Route>>();
  readonly #layer: Layer;

  constructor(layer: Layer) {
    this.#layer = layer;
  }

  get layer(): Layer {
    return this.#layer;
  }

  /** Serves `implementation`; `typeName` serves the same messages under another service name. */
  add<S extends DescService>(
    service: S,
    implementation: ServiceImplementation<S>,
    typeName: string = service.typeName,
  ): this {
    const routes = new Map<string, Route>();
    const handlers = implementation as unknown as Record<string, UnaryHandler>;
    for (const method of service.methods) {
      if (method.methodKind !== "unary") continue;
      const handler = handlers[method.localName]!.bind(implementation);
      routes.set(method.name, { method, handler });
    }
    this.#services.set(typeName, routes);
    return this;
  }

  /** Answers one request with the encoded reply. Rejects with whatever the implementation threw. */
  async answer(request: Request, context: CallContext): Promise<Uint8Array> {
    const routes = this.#services.get(request.service);
    if (!routes) throw unimplemented(this.#layer, `service ${request.service}`);
    const route = routes.get(request.method);
    if (!route) {
      throw unimplemented(this.#layer, `method ${request.method} of ${request.service}`);
    }
    const { input, output } = route.method;
    let message: unknown;
    try {
      message = fromBinary(input, request.payload);
    } catch (thrown) {
      throw failure({
        layer: this.#layer,
        op: request.method.toLowerCase(),
        code: "invalid_argument",
        message: `unmarshal request of ${request.service}/${request.method}: ${String(thrown)}`,
      });
    }
    const reply = await route.handler(message, context);
    return toBinary(output, create(output, reply as never));
  }
}
