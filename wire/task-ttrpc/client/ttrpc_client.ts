import { create, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext, ServiceClient } from "#lib/rpc/service.ts";
import { TASK_SERVICE_NAMES, Task, type TaskClient, type TaskVersion } from "../task_service.ts";
import type { TtrpcConnection } from "./ttrpc_connection.ts";

type UnaryMethod = (request: unknown, context: CallContext) => Promise<unknown>;

/**
 * A client of any protobuf service over a ttrpc connection. Unary methods only: no service of a
 * shim or of containerd's ttrpc socket streams. `typeName` calls the same messages under another
 * service name.
 */
export function ttrpcClient<S extends DescService>(
  service: S,
  connection: TtrpcConnection,
  typeName: string = service.typeName,
): ServiceClient<S> {
  const client: Record<string, UnaryMethod> = {};
  for (const method of service.methods) {
    const { input, output, name, methodKind } = method;
    client[method.localName] = async (request, context) => {
      if (methodKind !== "unary") {
        const message = `${typeName}/${name}: streams are not carried over ttrpc`;
        throw failure({ layer: connection.peer, op: name, code: "unimplemented", message });
      }
      const payload = toBinary(input, create(input, request as never));
      return fromBinary(output, await connection.call(typeName, name, payload, context));
    };
  }
  return client as ServiceClient<S>;
}

/** A client of a shim's Task service, in the version that the shim said it speaks. */
export function taskClient(connection: TtrpcConnection, version: TaskVersion = 2): TaskClient {
  return ttrpcClient(Task, connection, TASK_SERVICE_NAMES[version]);
}
