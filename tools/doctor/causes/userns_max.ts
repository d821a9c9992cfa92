import type { CauseRule } from "./cause.ts";

/** The kernel says "no space left on device" when it may make no more namespaces. */
export const usernsMax: CauseRule = {
  id: "userns-max",
  title: "the host allows no further user namespace",
  link: "kernel",
  needs: ["security"],
  proves(facts) {
    const { maxUserNamespaces: most, wantsUserNamespace } = facts.security ?? {};
    const inspect = facts.docker?.inspect;
    if (most !== 0 || facts.init?.alive) return undefined;
    // Docker keeps no bundle of what did not start; its words say that a namespace was refused.
    const refused = /user namespace|unshare|clone.*no space left/i.test(inspect?.error ?? "");
    if (!wantsUserNamespace && !refused) return undefined;
    return {
      confidence: "certain",
      sentence: "the container needs a user namespace, and user.max_user_namespaces is 0",
      evidence: [
        { kind: "path", value: "0", ref: "/proc/sys/user/max_user_namespaces" },
        ...(inspect?.error
          ? [{ kind: "log" as const, value: inspect.error, ref: "State.Error" }]
          : []),
      ],
      fix: ["sysctl -w user.max_user_namespaces=15000"],
      verify: ["unshare --user true"],
      marks: { container: "not-present" },
    };
  },
  refutes({ security }) {
    const { maxUserNamespaces: most, wantsUserNamespace } = security ?? {};
    if (wantsUserNamespace === false) return "it has no user namespace of its own";
    return most !== undefined && most > 0 ? `user.max_user_namespaces is ${most}` : undefined;
  },
};
