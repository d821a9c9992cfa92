import type { Survey } from "../discover/find_stacks.ts";

/** What this look at the host cannot see, and why. Empty for root on a host of its own. */
export function blindSpots(survey: Survey): string[] {
  const out: string[] = [];
  if (process.getuid?.() !== 0) {
    out.push(
      "not root: shims and their sockets, runtimes' state, other users' descriptors and " +
        "containers' root folders cannot be seen; run it as root to see them",
    );
    out.push(...deniedSockets(survey));
  }
  for (const { name, pid } of survey.daemons.elsewhere) {
    out.push(
      `${name}, process ${pid}, has a root folder of its own (it runs in a container): ` +
        `nsenter -t ${pid} -a catena doctor looks from there`,
    );
  }
  return out;
}

function deniedSockets({ files, stacks }: Survey): string[] {
  const sockets = stacks.flatMap((stack) => [stack.docker?.socket, stack.containerd?.socket]);
  const known = sockets.filter((path) => path !== undefined);
  return known.filter((path) => files.denied(path)).map((path) => `no permission to see ${path}`);
}
