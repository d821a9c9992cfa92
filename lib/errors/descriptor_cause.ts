import type { ChainError, FrameInit } from "./chain_error.ts";

/**
 * What is known of a failure for which a link of ours had no file descriptor left: the catalogue's
 * id, the cause and the fix, to be spread into the link's frame. Nothing for another failure.
 */
export function descriptorCause(
  error: ChainError,
  link: "shim" | "dockerd" | "containerd",
): Pick<FrameInit, "causeId" | "cause" | "fix"> {
  const full = error.frames.some(({ evidence }) =>
    evidence.some(({ kind, value }) => kind === "errno" && value === "EMFILE"),
  );
  if (!full) return {};
  return {
    causeId: `${link}-nofile`,
    cause: `${link}, process ${process.pid}, has as many descriptors open as it may`,
    fix: `raise its limit: prlimit --pid ${process.pid} --nofile=1048576:`,
  };
}
