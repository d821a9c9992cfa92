import { fromBinary } from "@bufbuild/protobuf";
import {
  AuthRequestSchema,
  AuthResponseSchema,
  AuthType,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import type { Credentials } from "#lib/registry/credentials.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ClientStream } from "./client_stream.ts";

/** Asks a client, over the stream that it opened for this, how to prove itself to a registry. */
export async function askClient(
  stream: ClientStream,
  host: string,
  reference: string,
): Promise<Credentials> {
  stream.send(AuthRequestSchema, { host, reference });
  const { done, value } = await stream.incoming.next();
  if (done) throw refuse("failed_precondition", "the client left when asked for credentials");
  const { authType, username, secret } = fromBinary(AuthResponseSchema, value.value);
  switch (authType) {
    case AuthType.CREDENTIALS:
      return { username, password: secret };
    case AuthType.REFRESH:
      return { username, identityToken: secret };
    case AuthType.HEADER:
      return { registryToken: secret.replace(/^Bearer /i, "") };
    default:
      return {};
  }
}
