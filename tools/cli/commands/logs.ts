import { failure } from "#lib/errors/chain_error.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { relayOutput } from "../io/relay_streams.ts";

export interface LogsFlags {
  follow?: boolean;
  timestamps?: boolean;
  tail?: string;
}

/** `catena logs [-f] [-t] [-n N] CONTAINER`: what it wrote so far. */
export async function runLogs(
  engine: DockerEngine,
  container: string,
  flags: LogsFlags,
): Promise<number> {
  const tail = flags.tail === undefined || flags.tail === "all" ? undefined : Number(flags.tail);
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= 0)) {
    const message = `--tail ${flags.tail}: give a number of lines, or all`;
    throw failure({ layer: "cli", op: "logs", code: "invalid_argument", message });
  }
  const { output } = await engine.containerLogs(
    container,
    {
      stdout: true,
      stderr: true,
      follow: flags.follow === true,
      timestamps: flags.timestamps === true,
      details: false,
      ...(tail !== undefined && { tail }),
    },
    {},
  );
  await relayOutput(output);
  return 0;
}
