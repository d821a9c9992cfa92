import type { CauseRule } from "./cause.ts";
import { execCommand } from "./words.ts";

/** Runtimes write the profile's name into the kernel, which refuses one that it does not hold. */
export const apparmorMissing: CauseRule = {
  id: "apparmor-missing",
  title: "the container's AppArmor profile is not loaded",
  link: "runc init",
  needs: ["security"],
  proves(facts) {
    const { apparmorProfile: profile, apparmorLoaded: loaded } = facts.security ?? {};
    if (profile === undefined || profile === "unconfined" || loaded === undefined) return undefined;
    if (loaded.includes(profile)) return undefined;
    return {
      confidence: "certain",
      sentence: `it wants the AppArmor profile ${profile}, which the kernel does not hold`,
      evidence: [
        {
          kind: "path",
          value: `${loaded.length} profiles, none of them ${profile}`,
          ref: "/sys/kernel/security/apparmor/profiles",
        },
      ],
      fix: [
        profile === "docker-default"
          ? "systemctl restart docker  # loads its profile again; something unloaded it"
          : `apparmor_parser -r /etc/apparmor.d/${profile}`,
      ],
      verify: [`grep ${profile} /sys/kernel/security/apparmor/profiles`, execCommand(facts)],
      marks: { runc: "fails" },
    };
  },
  refutes({ security }) {
    const { apparmorProfile: profile, apparmorLoaded: loaded } = security ?? {};
    if (profile === undefined || profile === "unconfined") return "it wants no AppArmor profile";
    return loaded?.includes(profile) ? `the profile ${profile} is loaded` : undefined;
  },
};
