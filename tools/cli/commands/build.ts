import { readFileSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";
import { contextTar, type ExtraFile } from "../io/context_tar.ts";
import { ProgressScreen } from "../io/progress_screen.ts";
import { authFor, registryOf } from "./pull.ts";

export interface BuildFlags {
  tag: string[];
  file?: string;
  buildArg: string[];
  label: string[];
  target?: string;
  network?: string;
  platform?: string;
  cache: boolean;
  cacheFrom: string[];
  pull?: boolean;
  quiet?: boolean;
}

const OUTSIDE = ".dockerfile.of-client";

/** `catena build FOLDER`: builds an image of a Dockerfile and the folder's files. */
export async function runBuild(
  engine: DockerEngine,
  folder: string,
  flags: BuildFlags,
): Promise<number> {
  const { name, text, extra } = dockerfileOf(folder, flags.file);
  const options = {
    tags: flags.tag,
    dockerfile: name,
    remote: "",
    buildArgs: pairs(flags.buildArg, (key) => process.env[key] ?? null),
    labels: pairs(flags.label, () => "") as Record<string, string>,
    target: flags.target ?? "",
    platform: flags.platform ?? "",
    noCache: !flags.cache,
    cacheFrom: flags.cacheFrom,
    pull: flags.pull === true,
    quiet: flags.quiet === true,
    remove: true,
    forceRemove: false,
    hostConfig: flags.network ? { NetworkMode: flags.network } : {},
    auths: await authsFor(text),
  };
  const screen = new ProgressScreen(process.stdout);
  for await (const message of engine.imageBuild(contextTar(folder, name, extra), options, {})) {
    screen.show(message);
  }
  return 0;
}

/** The Dockerfile: inside the context by its path there, one outside goes along under a name. */
function dockerfileOf(
  folder: string,
  file: string | undefined,
): { name: string; text: string; extra?: ExtraFile } {
  const path = resolve(file ?? resolve(folder, "Dockerfile"));
  let text: string;
  try {
    if (!statSync(folder).isDirectory()) throw notAFolder(folder);
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw toChainError(thrown, "cli", "prepare context");
  }
  const name = relative(resolve(folder), path);
  if (!name.startsWith("..")) return { name, text };
  return { name: OUTSIDE, text, extra: { name: OUTSIDE, text } };
}

const notAFolder = (folder: string) =>
  failure({
    layer: "cli",
    op: "prepare context",
    code: "invalid_argument",
    message: `unable to prepare context: ${folder} is no folder`,
  });

function pairs(
  given: readonly string[],
  otherwise: (key: string) => string | null,
): Record<string, string | null> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf("=");
      return at < 0 ? [text, otherwise(text)] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** Credentials for the registries that the Dockerfile names. */
async function authsFor(text: string): Promise<Record<string, RegistryAuth>> {
  const names = [...text.matchAll(/^\s*FROM\s+(?:--\S+\s+)*(\S+)/gim)].map((match) => match[1]!);
  const auths: Record<string, RegistryAuth> = {};
  for (const name of new Set(names.filter((item) => !item.includes("$")))) {
    const auth = await authFor(name);
    if (auth.username || auth.identitytoken) auths[registryOf(name)] = auth;
  }
  return auths;
}
