import type { AuthConfig } from "#gen/wire/cri/proto/image_pb.ts";
import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";

/** Credentials for a pull as Docker takes them; empty where the kubelet has none. */
export function registryAuth(auth: AuthConfig | undefined): RegistryAuth {
  if (!auth) return {};
  const given: RegistryAuth = {
    username: auth.username,
    password: auth.password,
    auth: auth.auth,
    serveraddress: auth.serverAddress,
    identitytoken: auth.identityToken,
    registrytoken: auth.registryToken,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
}
