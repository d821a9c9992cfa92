import { dockerRequest } from "#tools/doctor/discover/docker_request.ts";
import { podOfName } from "./pod_place.ts";
import type { WatchedContainer } from "./sample.ts";

const ASK_MS = 2_000;
/** A daemon may say anything. */
const MAX_LISTED = 20_000;
const MAX_NAME = 256;

/** A container's name and image as its daemon tells them, by id. */
export type ContainerNames = Map<string, { name: string; image: string }>;

/** Asks every Docker API that was found for the names of its containers; silence is no failure. */
export async function askNames(sockets: readonly string[]): Promise<ContainerNames> {
  const names: ContainerNames = new Map();
  const replies = await Promise.all(
    sockets.map((socket) => dockerRequest(socket, "/containers/json", ASK_MS)),
  );
  for (const reply of replies) {
    if (!reply.ok || !Array.isArray(reply.json)) continue;
    for (const item of reply.json.slice(0, MAX_LISTED) as Record<string, unknown>[]) {
      const { Id: id, Names: listed, Image: image } = item ?? {};
      if (typeof id !== "string" || !Array.isArray(listed)) continue;
      // A name with a further slash is another container's link to it.
      const own = listed.map(String).find((name) => !name.slice(1).includes("/"));
      if (own === undefined) continue;
      const name = own.replace(/^\//, "").slice(0, MAX_NAME);
      names.set(id, { name, image: String(image ?? "").slice(0, MAX_NAME) });
    }
  }
  return names;
}

/** Gives a container the name that its daemon told. */
export function nameContainer(container: WatchedContainer, names: ContainerNames): void {
  const told = names.get(container.id);
  if (!told) return;
  Object.assign(container, told);
  const pod = podOfName(told.name);
  if (pod) container.pod = pod;
}
