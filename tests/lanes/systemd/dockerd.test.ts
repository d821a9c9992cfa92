import { binPath } from "#lib/install/install_paths.ts";
import type { Box } from "../../lib/box_probe.ts";
import { startCatenaDaemon } from "../../lib/catena_stack.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../../lib/genuine_stack.ts";
import { describeChain } from "../../swap/chain_scenario.ts";
import { DockerClient } from "../../swap/docker_client.ts";
import { reasonElsewhere } from "../guest/lane_test.ts";

// Debian's dockerd as such hosts configure it: systemd keeps the containers' cgroups.

const impossible = reasonElsewhere("systemd");

function describeSystemdDriver(name: string, boxes: Box[], runtime?: string): void {
  describeChain({
    name: `docker CLI, genuine dockerd with the systemd driver, containerd and shim, ${name}`,
    boxes: ["docker cli", "genuine dockerd", "genuine containerd", ...boxes],
    explainsLimits: runtime !== undefined,
    ...(impossible ? { impossible } : {}),
    async start(sandbox) {
      const containerd = await startGenuineContainerd(sandbox);
      const dockerd = await startGenuineDockerd(sandbox, {
        containerd: containerd.socket,
        runtimes: { catena: binPath("catena-runc") },
        execOptions: ["native.cgroupdriver=systemd"],
      });
      const slice = `${sandbox.tag}.slice`;
      const client = new DockerClient(sandbox, dockerd.socket, runtime, slice);
      return { client, daemons: [containerd, dockerd] };
    },
  });
}

describeChain({
  name: "docker CLI, our whole stack with the systemd driver",
  boxes: ["docker cli", "catena daemon", "catena shim", "catena runc"],
  explainsLimits: true,
  ...(impossible ? { impossible } : {}),
  async start(sandbox) {
    const flags = ["--exec-opt", "native.cgroupdriver=systemd"];
    const daemon = await startCatenaDaemon(sandbox, flags);
    const slice = `${sandbox.tag}.slice`;
    const client = new DockerClient(sandbox, daemon.socket, undefined, slice);
    return { client, daemons: [daemon] };
  },
});
describeSystemdDriver("genuine runc", ["genuine runc"]);
describeSystemdDriver("our runc", ["catena runc"], "catena");
