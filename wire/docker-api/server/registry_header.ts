import type { RegistryAuth } from "../types/registry.ts";
import type { Shape } from "./body_shape.ts";
import { type Exchange, refusal } from "./exchange.ts";

const MAX_HEADER_BYTES = 64 * 1024;

function decoded(exchange: Exchange, name: string): unknown {
  const given = exchange.request.headers[name];
  const text = (Array.isArray(given) ? given[0] : given) ?? "";
  if (text === "") return {};
  if (text.length > MAX_HEADER_BYTES) throw refusal(`invalid ${name} header: it is too long`);
  try {
    // Both alphabets of base64 are in use; Buffer reads either.
    const json = Buffer.from(text, "base64url").toString("utf8");
    return json.trim() === "" ? {} : JSON.parse(json);
  } catch {
    throw refusal(`invalid ${name} header: it is not base64 of JSON`);
  }
}

const FIELDS = [
  "username",
  "password",
  "auth",
  "email",
  "serveraddress",
  "identitytoken",
  "registrytoken",
] as const;

/** The same as a body: POST /auth. */
export const REGISTRY_AUTH: Shape = {
  object: Object.fromEntries(FIELDS.map((field) => [field, "string" as const])),
};

function authOf(value: unknown, name: string): RegistryAuth {
  if (typeof value !== "object" || value === null) throw refusal(`invalid ${name}: no object`);
  const out: RegistryAuth = {};
  for (const field of FIELDS) {
    const text = (value as Record<string, unknown>)[field];
    if (text === undefined || text === null) continue;
    if (typeof text !== "string") throw refusal(`invalid ${name}: ${field} is no string`);
    out[field] = text;
  }
  return out;
}

/** Credentials of the registry that a pull or push asks. Empty when the client sent none. */
export function registryAuth(exchange: Exchange): RegistryAuth {
  return authOf(decoded(exchange, "x-registry-auth"), "X-Registry-Auth header");
}

/** Credentials of all registries that a build may ask, by registry. */
export function registryConfig(exchange: Exchange): Record<string, RegistryAuth> {
  const value = decoded(exchange, "x-registry-config");
  if (typeof value !== "object" || value === null) throw refusal("invalid X-Registry-Config");
  return Object.fromEntries(
    Object.entries(value).map(([host, item]) => [host, authOf(item, "X-Registry-Config header")]),
  );
}
