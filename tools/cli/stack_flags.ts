import { existsSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";

export interface StackFlags {
  state: string;
  docker?: string;
  containerd?: string;
  cri?: string;
  runtimeRoot?: string;
}

/**
 * Which stack the flags mean. A state folder that was named means ours in it; without any of the
 * flags every stack of the host is searched.
 */
export function stackFlags(flags: StackFlags) {
  const { docker, containerd, cri, runtimeRoot, state } = flags;
  const named = docker ?? containerd ?? cri ?? runtimeRoot;
  const own = join(state, "docker.sock");
  if (named === undefined && state !== DEFAULT_STATE_DIR && existsSync(own)) {
    return { dockerSocket: own, containerdSocket: join(state, "containerd.sock") };
  }
  const path = (socket: string) => socket.replace(/^unix:\/\//, "");
  return {
    ...(docker !== undefined && { dockerSocket: path(docker) }),
    ...(containerd !== undefined && { containerdSocket: path(containerd) }),
    ...(cri !== undefined && { criSocket: path(cri) }),
    ...(runtimeRoot !== undefined && { runtimeRoot }),
  };
}
