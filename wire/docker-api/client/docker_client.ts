import type { DockerEngine } from "../engine.ts";
import { containerClient } from "./container_client.ts";
import { imageClient } from "./image_client.ts";
import { systemClient } from "./system_client.ts";
import { DockerTransport } from "./transport.ts";

/** A client of any Docker Engine, ours or the genuine one, at the unix socket `socketPath`. */
export function connectDocker(socketPath: string): DockerEngine {
  const transport = new DockerTransport(socketPath);
  return {
    ...systemClient(transport),
    ...imageClient(transport),
    ...containerClient(transport),
  };
}
