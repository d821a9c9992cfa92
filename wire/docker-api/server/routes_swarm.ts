import { failure } from "#lib/errors/chain_error.ts";
import type { Route } from "./route.ts";

const MESSAGE =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect ' +
  "this node to swarm and try again.";

/** Everything that needs a swarm answers as a daemon that is in none. */
function refuse(): never {
  throw failure({ layer: "dockerd", op: "swarm", code: "unavailable", message: MESSAGE });
}

const KINDS = ["swarm", "nodes", "services", "tasks", "secrets", "configs"];

function notPart(): never {
  const message = "This node is not part of a swarm";
  throw failure({ layer: "dockerd", op: "swarm", code: "unavailable", message });
}

export const swarmRoutes: Route[] = [
  { method: "POST", path: "/swarm/leave", name: "swarm.leave", handle: notPart },
  ...KINDS.flatMap((kind) =>
    ["GET", "POST", "DELETE"].flatMap((method) => [
      { method, path: `/${kind}`, name: `${kind}.none`, handle: refuse },
      { method, path: `/${kind}/{}`, name: `${kind}.none`, handle: refuse },
    ]),
  ),
];
