import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mustRun, runCommand } from "../lib/command.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { startOurStack } from "./dockershim_stack.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import { servePods } from "./pods_api.ts";
import { pod, STAY, shell } from "./scenario_pods.ts";

// Kubernetes' own client on our kubelet's streams: kubectl speaks WebSocket first (protocol v5, and
// SPDY through a WebSocket for ports) and falls back to SPDY.

const LIMIT_MS = 180_000;
const PORT = 22_000 + (process.pid % 8_000);
const KUBECTL = "/usr/bin/kubectl";
const missing = existsSync(KUBECTL) ? undefined : "there is no kubectl";
const name = "kubectl on our kubelet's streams";

describe.skipIf(missing !== undefined)(missing ? `${name} [skipped: ${missing}]` : name, () => {
  const sandbox = new Sandbox();
  let server = "";

  beforeAll(async () => {
    const { cri } = await startOurStack(sandbox);
    const kubelet = await KubeletUnderTest.start(sandbox, { cri });
    const serve = `mkdir /www; echo served > /www/x; httpd -p 127.0.0.1:${PORT} -h /www`;
    const echo = "while read line; do echo got $line; done";
    const containers = [
      shell("app", `${serve}; echo begun; ${STAY}`),
      shell("echo", echo, { stdin: true, stdinOnce: true }),
    ];
    kubelet.write("web.json", pod("web", { containers }));
    await kubelet.podWhen("web", "runs", (one) =>
      one.status.containerStatuses.every((status: { ready: boolean }) => status.ready),
    );
    server = await servePods(sandbox, kubelet);
  }, LIMIT_MS);

  afterAll(() => sandbox.close(), LIMIT_MS);

  /** `protocol`: whether WebSockets are tried first, or SPDY alone. */
  const argv = (...args: string[]) => [
    KUBECTL,
    "--server",
    server,
    "--cache-dir",
    folder(),
    ...args,
  ];
  const folder = () => sandbox.path("kubectl-cache", "x");
  const env = (protocol: string) => ({
    HOME: sandbox.folder,
    KUBECONFIG: "/dev/null",
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(protocol === "WebSocket"),
    KUBECTL_PORT_FORWARD_WEBSOCKETS: String(protocol === "WebSocket"),
  });
  const step = (what: string, run: () => Promise<void>) => test(what, run, LIMIT_MS);

  for (const protocol of ["WebSocket", "SPDY"]) {
    step(`exec over ${protocol}: streams, stdin and the exit code`, async () => {
      const script = "cat; echo err >&2; exit 7";
      const words = ["exec", "-i", "web-node", "-c", "app", "--", "sh", "-c", script];
      const { stdout, stderr, code } = await runCommand(argv(...words), {
        stdin: "through\n",
        env: env(protocol),
        timeoutMs: 60_000,
      });
      expect(stdout).toBe("through\n");
      expect(stderr).toContain("err\n");
      expect(code).toBe(7);
    });

    step(`port-forward over ${protocol}`, async () => {
      const words = ["port-forward", "web-node", `:${PORT}`, "--address", "127.0.0.1"];
      const forward = Bun.spawn(argv(...words), {
        env: { PATH: process.env["PATH"] ?? "", ...env(protocol) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const reader = forward.stdout.getReader();
        let text = "";
        while (!text.includes("Forwarding from")) {
          const { value, done } = await reader.read();
          if (done) throw new Error(`kubectl ended: ${text}`);
          text += new TextDecoder().decode(value);
        }
        const port = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
        for (let time = 0; time < 3; time++) {
          expect(await (await fetch(`http://127.0.0.1:${port}/x`)).text()).toBe("served\n");
        }
      } finally {
        forward.kill();
        await forward.exited;
      }
    });
  }

  step("logs", async () => {
    const words = argv("logs", "web-node", "-c", "app", "--tail", "1");
    const text = () => mustRun(words, { env: env("WebSocket") });
    await waitUntil("the line is there", async () => (await text()) === "begun\n");
  });

  step("attach to a container's own process", async () => {
    const words = ["attach", "-i", "web-node", "-c", "echo"];
    const { stdout } = await runCommand(argv(...words), {
      stdin: "this\n",
      env: env("WebSocket"),
      timeoutMs: 60_000,
    });
    expect(stdout).toContain("got this\n");
  });
});
