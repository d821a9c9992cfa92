import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { binPath, libexecPath } from "#lib/install/install_paths.ts";
import { mustRun } from "../lib/command.ts";

// What `npm run lane:arm64` boots: every file of dist/ is for its processor, and runs.

const EM_AARCH64 = 183;
const machineOf = (path: string) => readFileSync(path).readUInt16LE(18);

const elsewhere = process.arch !== "arm64";
const title = elsewhere ? "arm64 [skipped: npm run lane:arm64 runs it]" : "arm64";

describe.skipIf(elsewhere)(title, () => {
  test("the programs are arm64's", () => {
    const libexec = ["catena-init", "catena-keeper", "catena.node", "catena-seccomp.node"];
    for (const path of [binPath("catena"), ...libexec.map(libexecPath)]) {
      expect([path, machineOf(path)]).toEqual([path, EM_AARCH64]);
    }
  });

  test("the runtime loads its native parts", async () => {
    expect(await mustRun([binPath("catena-runc"), "--version"])).toContain("libseccomp: ");
    const features = JSON.parse(await mustRun([binPath("catena-runc"), "features"]));
    expect(features.linux.seccomp.archs).toContain("SCMP_ARCH_AARCH64");
  });
});
