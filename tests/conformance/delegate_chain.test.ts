import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { GENUINE, startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";

// One line of `--add-runtime` gives an existing Docker host explained failures: genuine runc does
// the work below genuine dockerd, containerd and shim.

const reason = reasonToSkip(["docker cli", "genuine dockerd", "genuine containerd", "catena runc"]);

test.skipIf(reason !== undefined)(
  `genuine docker's failures gain our diagnosis${reason ? ` (${reason})` : ""}`,
  async () => {
    const sandbox = new Sandbox();
    try {
      const wrapper = sandbox.path("explained-runc");
      const script = `#!/bin/sh\nexec ${binPath("catena-runc")} --delegate ${GENUINE.runc} "$@"\n`;
      writeFileSync(wrapper, script, { mode: 0o755 });
      const containerd = await startGenuineContainerd(sandbox);
      const dockerd = await startGenuineDockerd(sandbox, {
        containerd: containerd.socket,
        runtimes: { explained: wrapper },
      });
      const client = new DockerClient(sandbox, dockerd.socket, "explained");
      await client.importImage();
      await client.runDetached({ name: "one", command: ["sleep", "100000"] });
      const good = await client.docker(["exec", "one", "sh", "-c", "echo out; exit 3"]);
      expect({ code: good.code, stdout: good.stdout }).toEqual({ code: 3, stdout: "out\n" });
      const bad = await client.docker(["exec", "one", "no-such-program"]);
      const control = new DockerClient(sandbox, dockerd.socket);
      await control.runDetached({ name: "two", command: ["sleep", "100000"] });
      expect(bad.code).toBe((await control.docker(["exec", "two", "no-such-program"])).code);
      const said = bad.stdout + bad.stderr;
      expect(said).toContain("executable file not found in $PATH");
      expect(said).toContain("the image has no program no-such-program");
      expect(said).toMatch(/catena explain [0-9a-z]+/);
      expect((await client.docker(["rm", "-f", "one", "two"])).code).toBe(0);
    } finally {
      await sandbox.close();
    }
  },
  120_000,
);
