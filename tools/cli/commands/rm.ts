import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { reportFailure } from "../exit_codes.ts";

export interface RmFlags {
  state: string;
  force?: boolean;
  volumes?: boolean;
}

/** `catena rm [-f] [-v] CONTAINER…`: removes each; tells of those that could not be. */
export async function runRm(
  engine: DockerEngine,
  containers: string[],
  flags: RmFlags,
): Promise<number> {
  let code = 0;
  for (const container of containers) {
    try {
      const options = { force: flags.force === true, volumes: flags.volumes === true, link: false };
      await engine.containerRemove(container, options, {});
      process.stdout.write(`${container}\n`);
    } catch (error) {
      reportFailure("rm", error, flags.state);
      code = 1;
    }
  }
  return code;
}
