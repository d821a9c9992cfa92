import { open } from "node:fs/promises";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";

export interface ImportFlags {
  change: string[];
  message?: string;
}

/** `catena import FILE|- [NAME[:TAG]]`: makes an image of one file system tar; prints its id. */
export async function runImport(
  engine: DockerEngine,
  file: string,
  name: string | undefined,
  flags: ImportFlags,
): Promise<number> {
  const tar = file === "-" ? process.stdin : await openTar(file);
  const { repo, tag } = splitName(name ?? "");
  const options = { repo, tag, message: flags.message ?? "", changes: flags.change, platform: "" };
  let id = "";
  for await (const message of engine.imageImport(tar, options, {})) {
    if (message.error !== undefined) {
      throw failure({ layer: "dockerd", op: "import", code: "unknown", message: message.error });
    }
    id = message.status ?? id;
  }
  process.stdout.write(`${id}\n`);
  return 0;
}

/** Opened before the daemon is asked: a stream that fails by itself would have no listener. */
async function openTar(path: string) {
  try {
    return (await open(path)).createReadStream();
  } catch (thrown) {
    throw toChainError(thrown, "cli", "read archive");
  }
}

/** A colon before a slash belongs to a registry's port, not to a tag. */
function splitName(name: string): { repo: string; tag: string } {
  const at = name.lastIndexOf(":");
  if (at < 0 || name.includes("/", at)) return { repo: name, tag: "" };
  return { repo: name.slice(0, at), tag: name.slice(at + 1) };
}
