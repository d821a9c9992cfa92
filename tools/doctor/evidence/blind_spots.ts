import type { Survey } from "../discover/find_stacks.ts";
import type { DaemonFacts } from "../facts.ts";

/** What this look at the host cannot see, and why. Empty for root on a host of its own. */
export function blindSpots(survey: Survey, daemons: readonly DaemonFacts[]): string[] {
  const out: string[] = [];
  if (process.getuid?.() !== 0) {
    out.push(
      "not root: shims and their sockets, runtimes' state, other users' descriptors and " +
        "containers' root folders cannot be seen; run it as root to see them",
    );
    const shut = daemons.filter(({ answer }) => answer?.denied);
    out.push(...shut.map(({ socket }) => `no permission to ask ${socket}`));
  }
  for (const { name, pid } of survey.daemons.elsewhere) {
    out.push(
      `${name}, process ${pid}, has a root folder of its own (it runs in a container): ` +
        `nsenter -t ${pid} -a catena doctor looks from there`,
    );
  }
  return out;
}
