import { expect, test } from "bun:test";
import { binPath } from "#lib/install/install_paths.ts";
import { runCommand } from "../lib/command.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type { FaultStack } from "./fault_stack.ts";
import { onGenuineStack } from "./on_genuine_stack.ts";

const LIMIT_MS = 120_000;

let stack: FaultStack;
const { reason, because } = onGenuineStack(LIMIT_MS, (started) => {
  stack = started;
});

function doctor(container: string, ...flags: string[]) {
  const argv = [binPath("catena"), "doctor", "--json", "--docker", stack.dockerSocket];
  return runCommand([...argv, "--containerd", stack.containerdSocket, ...flags, container]);
}

function causeOf(result: { stdout: string }): string | undefined {
  return (JSON.parse(result.stdout) as { cause: { id: string } | null }).cause?.id;
}

test.skipIf(reason !== undefined)(
  `docker inspect still answers after a stopped shim was diagnosed${because}`,
  async () => {
    const name = await stack.run([]);
    const shim = await stack.shimPid(name);
    process.kill(shim, "SIGSTOP");
    try {
      expect(causeOf(await doctor(name))).toBe("shim-hung");
      expect(causeOf(await doctor(name, "--probe"))).toBe("shim-hung");
      const inspect = await stack.docker("inspect", "-f", "{{.State.Status}}", name);
      expect(inspect.timedOut).toBe(false);
      expect(inspect.stdout.trim()).toBe("running");
    } finally {
      process.kill(shim, "SIGCONT");
      await stack.remove(name);
    }
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `a container with two free pids still can fork during a diagnosis${because}`,
  async () => {
    const script =
      "for i in $(seq 1 7); do sleep 100000 & done; " +
      "while true; do /bin/true || echo refused; sleep 0.01; done";
    const name = await stack.run(["--pids-limit", "10"], ["sh", "-c", script]);
    await waitUntil(`${name} runs its loop`, async () => {
      return (await stack.must("top", name, "-o", "pid")).split("\n").length >= 9;
    });
    for (let round = 0; round < 5; round++) {
      const report = JSON.parse((await doctor(name)).stdout) as {
        cause: unknown;
        warnings: string[];
      };
      expect(report.cause).toBeNull();
      expect(report.warnings.join()).toContain("of 10 pids");
    }
    const { stdout, stderr } = await stack.docker("logs", name);
    expect(stdout + stderr).toBe("");
    await stack.remove(name);
  },
  LIMIT_MS,
);
