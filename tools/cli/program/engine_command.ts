import type { Command } from "commander";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { reportFailure } from "../exit_codes.ts";
import { socketPath, withState } from "./shared_options.ts";

export interface EngineFlags {
  state: string;
  docker?: string;
}

/** A command that works on an engine, which its flags may name. */
export function withEngine(command: Command): Command {
  return withState(command).option(
    "--docker <socket>",
    "Docker Engine API socket (default: docker.sock in the state folder)",
    socketPath,
  );
}

/** Runs a command on the engine that its flags name; a failure is told on stderr. */
export async function perform(
  name: string,
  flags: EngineFlags,
  work: (engine: DockerEngine) => Promise<number>,
): Promise<void> {
  try {
    const { connectDocker } = await import("#wire/docker-api/client/docker_client.ts");
    process.exitCode = await work(connectDocker(flags.docker ?? `${flags.state}/docker.sock`));
  } catch (error) {
    reportFailure(name, error, flags.state);
    process.exitCode = 1;
  }
}
