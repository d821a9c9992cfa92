import { O, statFile, writeText } from "#lib/linux/file.ts";
import { cgroupLayout } from "../cgroups/cgroup_layout.ts";
import { bundleFolder } from "./bundle_creation.ts";
import { refuse } from "./command_failure.ts";
import type { Command } from "./command_types.ts";
import { exampleSpec, rootlessSpec } from "./spec_example.ts";

export const specCommand: Command = {
  name: "spec",
  synopsis: "",
  description:
    "Writes a config.json to begin with: a shell on a terminal, in namespaces of its own.",
  flags: [
    { name: "bundle", alias: "b", kind: "string", usage: "folder of the bundle" },
    { name: "rootless", kind: "bool", usage: "for a caller that is not root" },
  ],
  args: [0, 0],
  run({ flags }) {
    const bundle = flags.text("bundle");
    const path = `${bundle ? bundleFolder(bundle) : process.cwd()}/config.json`;
    if (statFile(path)) {
      throw refuse("spec", "file config.json exists. Remove it first", "already_exists", {
        evidence: [{ kind: "path", value: "exists", ref: path }],
      });
    }
    const { pureV2 } = cgroupLayout();
    const spec = flags.on("rootless")
      ? rootlessSpec(process.geteuid!(), process.getegid!(), pureV2)
      : exampleSpec(pureV2);
    writeText(path, JSON.stringify(spec, null, "\t"), O.WRONLY | O.CREAT | O.EXCL, 0o666);
    return 0;
  },
};
