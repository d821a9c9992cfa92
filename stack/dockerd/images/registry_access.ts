import type { Credentials } from "#lib/registry/credentials.ts";
import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";
import type { Daemon } from "../daemon.ts";
import type { RegistryAccess } from "./registry_lookup.ts";

/** Reads credentials as clients send them. */
export function credentialsOf(auth: RegistryAuth): Credentials {
  const credentials: Credentials = {};
  let { username, password } = auth;
  if (!username && auth.auth) {
    const text = Buffer.from(auth.auth, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon > 0) [username, password] = [text.slice(0, colon), text.slice(colon + 1)];
  }
  if (username) Object.assign(credentials, { username, password: password ?? "" });
  if (auth.identitytoken) credentials.identityToken = auth.identitytoken;
  if (auth.registrytoken) credentials.registryToken = auth.registrytoken;
  return credentials;
}

/** How this daemon asks a registry for one client. */
export function registryAccess(
  daemon: Daemon,
  auth: RegistryAuth,
  signal: AbortSignal,
): RegistryAccess {
  return {
    settings: daemon.options.registries ?? {},
    credentials: credentialsOf(auth),
    signal: AbortSignal.any([signal, daemon.closing.signal]),
  };
}
