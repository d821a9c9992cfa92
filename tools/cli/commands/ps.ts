import { neutralJson } from "#lib/errors/neutral_text.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { ageText, textTable } from "../io/table.ts";

export interface PsFlags {
  all?: boolean;
  quiet?: boolean;
  json?: boolean;
}

/** `catena ps`: the containers that run, or all of them. */
export async function runPs(engine: DockerEngine, flags: PsFlags): Promise<number> {
  const options = { all: flags.all === true, limit: 0, size: false, filters: {} };
  const containers = await engine.containerList(options, {});
  if (flags.json) {
    process.stdout.write(`${neutralJson(containers)}\n`);
    return 0;
  }
  if (flags.quiet) {
    process.stdout.write(containers.map((one) => `${one.Id.slice(0, 12)}\n`).join(""));
    return 0;
  }
  const heads = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES"];
  const now = Date.now() / 1000;
  const rows = containers.map((one) => [
    one.Id.slice(0, 12),
    one.Image,
    one.Command.length > 30 ? `${one.Command.slice(0, 29)}…` : one.Command,
    ageText(now - one.Created),
    one.Status,
    one.Names.map((name) => name.replace(/^\//, "")).join(","),
  ]);
  process.stdout.write(textTable(heads, rows));
  return 0;
}
