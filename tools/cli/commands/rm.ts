import type { DockerCalls } from "../docker/docker_calls.ts";
import { reportFailure } from "../exit_codes.ts";

export interface RmFlags {
  force?: boolean;
  volumes?: boolean;
}

/** `catena rm [-f] [-v] CONTAINER…`: removes each; tells of those that could not be. */
export async function runRm(
  engine: DockerCalls,
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
      reportFailure("rm", error);
      code = 1;
    }
  }
  return code;
}
