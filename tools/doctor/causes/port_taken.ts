import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf } from "./words.ts";

export const portTaken: CauseRule = {
  id: "port-taken",
  title: "a port that the container publishes is taken",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const inspect = facts.docker?.inspect;
    const [first] = facts.docker?.portHolders ?? [];
    if (!inspect || inspect.running || inspect.error === "" || !first) return undefined;
    const who = first.pid === undefined ? "somebody" : `process ${first.pid}`;
    return {
      // A port may have been taken since: that it is taken now is sure, that it was is likely.
      confidence: /port is already allocated|address already in use/i.test(inspect.error)
        ? "certain"
        : "likely",
      sentence: `${who} listens on ${first.protocol} port ${first.port}, which it publishes`,
      evidence: [
        {
          kind: "path",
          value: `a listener on port ${first.port}`,
          ref: `/proc/net/${first.protocol}`,
        },
        { kind: "log", value: inspect.error, ref: "State.Error" },
      ],
      fix: [
        `ss -lnp 'sport = :${first.port}'  # who it is`,
        `# end it, or publish another port; then: ${dockerCommand(facts)} start ${nameOf(facts)}`,
      ],
      verify: [`ss -ln 'sport = :${first.port}'`],
      marks: { container: "not-present" },
    };
  },
  refutes(facts) {
    if (!facts.docker?.inspect || facts.docker.portHolders === undefined) return undefined;
    if (facts.docker.inspect.ports.length === 0) return "it publishes no port";
    return facts.docker.portHolders.length === 0 ? "nobody listens on its ports" : undefined;
  },
};
