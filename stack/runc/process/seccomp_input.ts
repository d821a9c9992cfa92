import { failure } from "#lib/errors/chain_error.ts";
import { SOCK, sendWithFds } from "#lib/linux/descriptor.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import { closeFile, errnoOf } from "#lib/linux/file.ts";
import { connectUnix } from "#lib/linux/socket.ts";
import type { SeccompFilter } from "../spec/plan_inputs.ts";
import type { Spec } from "../spec/spec_types.ts";

/** The spec's seccomp profile as a program for the kernel; undefined when it has none. */
export function compileFilter(spec: Spec, stateDir: string): SeccompFilter | undefined {
  const profile = spec.linux?.seccomp;
  if (!profile) return undefined;
  // Loaded only by containers with a profile: the library behind it costs start-up time.
  const { seccompFilter } =
    require("../seccomp/seccomp_filter.ts") as typeof import("../seccomp/seccomp_filter.ts");
  return seccompFilter(profile, stateDir);
}

/** Hands a profile's notify descriptor to its agent, with the state that the agent is to get. */
export function listenerOf(
  launch: { id: string },
  spec: Spec,
  bundle: string,
  status: string,
): ((fd: number, pid: number) => Promise<void>) | undefined {
  const { listenerPath, listenerMetadata } = spec.linux?.seccomp ?? {};
  if (!listenerPath) return undefined;
  return async (fd, pid) => {
    const state = {
      ociVersion: spec.ociVersion,
      fds: ["seccompFd"],
      pid,
      metadata: listenerMetadata ?? "",
      state: {
        ociVersion: spec.ociVersion,
        id: launch.id,
        status,
        pid,
        bundle,
        annotations: spec.annotations ?? {},
      },
    };
    let socket = -1;
    try {
      socket = connectUnix(SOCK.STREAM, listenerPath);
      sendWithFds(socket, Buffer.from(JSON.stringify(state)), [fd]);
    } catch (error) {
      throw failure({
        layer: "runc",
        op: "seccomp listener",
        code: "unavailable",
        message:
          "failed to connect with seccomp agent specified in the seccomp profile: " +
          `dial unix ${listenerPath}: connect: ${errnoText(errnoOf(error) ?? String(error))}`,
      });
    } finally {
      if (socket >= 0) closeFile(socket);
    }
  };
}
