import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { runCommand } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";

// What daemon.json and the flags of a daemon do, and the ways in besides its own socket: a socket
// that a service manager opened, TCP on the loopback.

const LIMIT_MS = 120_000;
const reason = reasonToSkip(["docker cli", "catena daemon", "catena shim", "cni plugins"]);

const SETTINGS = {
  "log-driver": "local",
  "log-opts": { "max-size": "2m" },
  "default-shm-size": "8m",
  dns: ["192.0.2.53"],
  labels: ["rack=7"],
  "default-ulimits": { nofile: { Name: "nofile", Soft: 500, Hard: 600 } },
  bip: "10.201.0.1/24",
  mtu: 1400,
};

/** Opens a listening socket at $1 as descriptor 3, as systemd does, then becomes the rest. */
const ACTIVATE = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
`;

describe(reason ? `dockerd's options [skipped: ${reason}]` : "dockerd's options", () => {
  let sandbox: Sandbox;
  let network: PrivateNetwork;
  let client: DockerClient;

  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    network = await PrivateNetwork.create(sandbox, "host");
    const [root, state] = [sandbox.path("root", "x"), sandbox.path("state", "x")];
    const file = sandbox.path("daemon.json");
    writeFileSync(file, JSON.stringify(SETTINGS));
    const socket = sandbox.path("activated.sock");
    const flags = ["--root", root, "--state", state, "--config-file", file];
    const hosts = ["-H", "fd://", "-H", "tcp://127.0.0.1:2375"];
    const daemon = [binPath("catena"), "daemon", ...flags, ...hosts];
    await Daemon.start(sandbox, {
      name: "catena",
      socket: `${state}/docker.sock`,
      argv: network.enter(["python3", "-c", ACTIVATE, socket, ...daemon]),
    });
    client = new DockerClient(sandbox, socket);
    await client.importImage();
  };
  const close = async () => {
    await sandbox?.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  const run = async (...args: string[]) =>
    (await client.docker(["run", "--cgroup-parent", `/${sandbox.tag}`, ...args])).stdout.trim();

  test.skipIf(reason !== undefined)(
    "daemon.json decides what containers leave open",
    async () => {
      const script = "df -k /dev/shm | tail -1; ulimit -n; cat /etc/resolv.conf; ip a show eth0";
      const seen = await run("--rm", "catest", "sh", "-c", script);
      expect(seen).toMatch(/^shm +8192 /);
      expect(seen).toContain("\n500\n");
      expect(seen).toContain("nameserver 192.0.2.53");
      expect(seen).toContain("mtu 1400");
      expect(seen).toContain("inet 10.201.0.2/24");
      await run("--name", "logged", "catest", "echo", "kept");
      expect(await client.logs("logged")).toBe("kept\n");
      const { stdout } = await client.docker(["info", "-f", "{{.LoggingDriver}} {{.Labels}}"]);
      expect(stdout).toBe("local [rack=7]\n");
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "streams work through a socket that was opened for the daemon, and through TCP",
    async () => {
      const echo = ["run", "-i", "--rm", "--network", "none", "catest", "cat"];
      expect((await client.docker(echo, "through fd\n")).stdout).toBe("through fd\n");
      const over = network.enter(["docker", "-H", "tcp://127.0.0.1:2375", ...echo]);
      expect((await runCommand(over, { stdin: "through tcp\n" })).stdout).toBe("through tcp\n");
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)("what would open the host to others is refused", async () => {
    const flags = ["--root", sandbox.path("r2", "x"), "--state", sandbox.path("s2", "x")];
    const argv = [binPath("catena"), "daemon", ...flags, "-H", "tcp://0.0.0.0:2375"];
    const result = await network.run(argv);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("use --tlsverify");
  });
});
