import { dockerRequest } from "./docker_request.ts";
import type { FoundContainer } from "./find_containers.ts";
import type { Stack } from "./find_stacks.ts";

const TIMEOUT_MS = 2000;
const EXEC_ID = /^[0-9a-f]{64}$/;

/**
 * The container that an exec id belongs to: dockerd's log names the exec alone. It remembers an
 * exec for about five minutes after its end.
 */
export async function findByExec(
  stacks: readonly Stack[],
  containers: readonly FoundContainer[],
  word: string,
): Promise<FoundContainer | undefined> {
  if (!EXEC_ID.test(word)) return undefined;
  for (const { docker } of stacks) {
    if (!docker) continue;
    const { json } = await dockerRequest(docker.socket, `/exec/${word}/json`, TIMEOUT_MS);
    const { ContainerID } = (json ?? {}) as { ContainerID?: unknown };
    const found = containers.find((one) => one.id === ContainerID);
    if (found) return found;
  }
  return undefined;
}
