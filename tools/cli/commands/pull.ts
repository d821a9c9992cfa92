import { configuredCredentials } from "#lib/registry/docker_config.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";
import { ProgressScreen } from "../io/progress_screen.ts";

export interface PullFlags {
  platform?: string;
  allTags?: boolean;
  quiet?: boolean;
}

export interface PushFlags {
  quiet?: boolean;
}

/** `catena pull NAME`: fetches an image, with the credentials that docker's configuration has. */
export async function runPull(
  engine: DockerEngine,
  name: string,
  flags: PullFlags,
): Promise<number> {
  const isBare = !name.includes("@") && !hasTag(name);
  const tag = isBare && !flags.allTags ? "latest" : "";
  const auth = await authFor(name);
  const screen = new ProgressScreen(process.stdout);
  for await (const message of engine.imagePull(name, tag, flags.platform ?? "", {}, auth)) {
    if (!flags.quiet) screen.show(message);
  }
  if (flags.quiet) process.stdout.write(`${name}${tag && `:${tag}`}\n`);
  return 0;
}

/** `catena push NAME[:TAG]`: sends an image to its registry. */
export async function runPush(
  engine: DockerEngine,
  name: string,
  flags: PushFlags,
): Promise<number> {
  const at = hasTag(name) ? name.lastIndexOf(":") : name.length;
  const auth = await authFor(name);
  const screen = new ProgressScreen(process.stdout);
  const tag = name.slice(at + 1) || "latest";
  for await (const message of engine.imagePush(name.slice(0, at), tag, {}, auth)) {
    if (!flags.quiet) screen.show(message);
  }
  if (flags.quiet) process.stdout.write(`${name.slice(0, at)}:${tag}\n`);
  return 0;
}

/** A colon before a slash belongs to a registry's port, not to a tag. */
const hasTag = (name: string) => name.lastIndexOf(":") > name.lastIndexOf("/");

/** The registry that a name means: its first part, where that can be a host. */
export function registryOf(name: string): string {
  const first = name.includes("/") ? name.slice(0, name.indexOf("/")) : "";
  return /[.:]/.test(first) || first === "localhost" ? first : "docker.io";
}

/** Credentials of docker's configuration in the Engine API's form. */
export async function authFor(name: string): Promise<RegistryAuth> {
  const host = registryOf(name);
  const { username, password, identityToken, registryToken } = await configuredCredentials(host);
  const auth: RegistryAuth = { serveraddress: host };
  if (username !== undefined) Object.assign(auth, { username, password: password ?? "" });
  if (identityToken !== undefined) auth.identitytoken = identityToken;
  if (registryToken !== undefined) auth.registrytoken = registryToken;
  return auth;
}
