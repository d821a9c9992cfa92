import { ChainError, toChainError } from "#lib/errors/chain_error.ts";

/** What a pull of `name` failed with, in dockerd's words: clients match texts and status. */
export function pullRefused(thrown: unknown, name: string): ChainError {
  const op = "pull image";
  const error = toChainError(thrown, "dockerd", op);
  // Ours already: no platform, schema 1.
  if (error.outer.layer === "dockerd") return error;
  switch (error.outer.code) {
    case "not_found":
      return error.wrap({
        layer: "dockerd",
        op,
        code: "not_found",
        message: `manifest for ${name} not found`,
      });
    case "unauthenticated":
    case "permission_denied":
      return error.wrap({
        layer: "dockerd",
        op,
        code: "not_found",
        message:
          `pull access denied for ${name.replace(/(:[^:/]*|@.*)$/, "")}, repository does not ` +
          "exist or may require 'docker login'",
      });
    default:
      return error.wrap({
        layer: "dockerd",
        op,
        code: serverCode(error),
        message: `failed to resolve reference ${JSON.stringify(name)}`,
      });
  }
}

/** A registry's trouble is the daemon's 500 to its client, whatever the registry answered. */
const serverCode = ({ outer }: ChainError) =>
  outer.code === "cancelled" || outer.code === "deadline_exceeded" ? outer.code : "internal";

/** What the fetch of a found image failed with. */
export function fetchRefused(thrown: unknown, name: string): ChainError {
  const op = "pull image";
  const error = toChainError(thrown, "dockerd", op);
  const message = error.outer.layer === "dockerd" ? "" : `error pulling image ${name}`;
  return error.wrap({ layer: "dockerd", op, code: serverCode(error), message });
}

/** What a push failed with. */
export function pushRefused(thrown: unknown): ChainError {
  const error = toChainError(thrown, "dockerd", "push image");
  if (error.outer.layer === "dockerd") return error;
  const message =
    error.outer.code === "unauthenticated" || error.outer.code === "permission_denied"
      ? "denied: requested access to the resource is denied"
      : "push failed";
  return error.wrap({ layer: "dockerd", op: "push image", code: error.outer.code, message });
}

export const isNotFound = (error: unknown) =>
  error instanceof ChainError && error.outer.code === "not_found";
