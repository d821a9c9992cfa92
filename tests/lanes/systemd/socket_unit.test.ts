import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { mustRun, runCommand } from "../../lib/command.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { DockerClient } from "../../swap/docker_client.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";

// The units that we give operators, with the folders of a test in them.

const UNITS = "/run/systemd/system";
const NAME = "catest-socket";
const PACKAGED = join(import.meta.dir, "..", "..", "..", "packaging", "systemd");

describe.skipIf(isElsewhere("systemd"))(
  laneTitle("systemd", "the packaged units, started by their socket"),
  () => {
    let sandbox: Sandbox;
    let client: DockerClient;

    const state = async (unit: string) =>
      (await runCommand(["systemctl", "is-active", unit])).stdout.trim();

    beforeAll(async () => {
      sandbox = new Sandbox();
      const listen = sandbox.path("listen.sock");
      const folders = `--root ${sandbox.path("root")} --state ${sandbox.path("state")}`;
      const service = readFileSync(join(PACKAGED, "catena.service"), "utf8")
        .replaceAll("catena.socket", `${NAME}.socket`)
        .replace("/usr/bin/catena daemon", `${binPath("catena")} daemon --bridge none ${folders}`);
      const socket = readFileSync(join(PACKAGED, "catena.socket"), "utf8")
        .replace(/^ListenStream=.*$/m, `ListenStream=${listen}`)
        .replace(/^SocketGroup=.*$/m, "SocketGroup=root");
      writeFileSync(`${UNITS}/${NAME}.service`, service);
      writeFileSync(`${UNITS}/${NAME}.socket`, socket);
      await mustRun(["systemctl", "daemon-reload"]);
      await mustRun(["systemctl", "start", `${NAME}.socket`]);
      client = new DockerClient(sandbox, listen);
    });
    afterAll(async () => {
      await runCommand(["systemctl", "stop", `${NAME}.socket`, `${NAME}.service`]);
      for (const kind of ["service", "socket"]) rmSync(`${UNITS}/${NAME}.${kind}`, { force: true });
      await sandbox?.close();
    });

    test("the first client starts the daemon, and is answered", async () => {
      expect(await state(`${NAME}.service`)).not.toBe("active");
      await client.importImage();
      expect(await state(`${NAME}.service`)).toBe("active");
    });

    test("a stopped daemon comes back with the next client, its containers ran on", async () => {
      await client.runDetached({ name: "stays", command: ["sleep", "100000"] });
      const pid = await client.initPid("stays");
      await mustRun(["systemctl", "stop", `${NAME}.service`]);
      expect(await client.initPid("stays")).toBe(pid);
      expect((await client.exec("stays", { command: ["sh", "-c", "exit 42"] })).code).toBe(42);
      await client.remove("stays");
    });
  },
);
