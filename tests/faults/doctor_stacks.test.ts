import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { RuntimeService } from "#gen/wire/cri/proto/runtime_service_pb.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { GrpcPatient } from "#tools/doctor/probe/grpc_call.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { mustRun, runCommand } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { makeBundle } from "../lib/runtime_bundle.ts";
import { pidsFolder } from "./breakages.ts";
import type { FaultStack } from "./fault_stack.ts";
import { onGenuineStack } from "./on_genuine_stack.ts";

const LIMIT_MS = 120_000;
const CALL_MS = 30_000;
const PAUSE_IMAGE = "registry.k8s.io/pause:3.6";
const PODMAN = "/usr/bin/podman";

let stack: FaultStack;
const { reason, because } = onGenuineStack(LIMIT_MS, (started) => {
  stack = started;
});
const noPodman = reason ?? (existsSync(PODMAN) ? undefined : "podman is not installed");

interface Report {
  container: { id: string; name?: string; namespace?: string };
  healthy: boolean;
  link: string | null;
  cause: { id: string } | null;
  chain: { link: string; mark: string }[];
}

/** The doctor without any flag but its own state folder: it must find the stack by itself. */
async function doctor(...args: string[]): Promise<{ code: number; report: Report; error: string }> {
  const argv = [binPath("catena"), "doctor", "--json", "--state", stack.sandbox.path("state")];
  const result = await runCommand([...argv, ...args]);
  const report = JSON.parse(result.stdout) as Report & { error?: string };
  return { code: result.code, report, error: report.error ?? "" };
}

function marks(report: Report): Record<string, string> {
  return Object.fromEntries(report.chain.map(({ link, mark }) => [link, mark]));
}

/** A containerd as a Kubernetes node has it, on a host where scores cannot be lowered. */
async function startNode(): Promise<Daemon> {
  const { sandbox } = stack;
  const socket = sandbox.path("node", "containerd.sock");
  const config = sandbox.path("node", "config.toml");
  writeFileSync(
    config,
    `version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n` +
      "  restrict_oom_score_adj = true\n  disable_tcp_service = true\n",
  );
  const folders = [
    "--root",
    sandbox.path("node", "root"),
    "--state",
    sandbox.path("node", "state"),
  ];
  return Daemon.start(sandbox, {
    name: "node-containerd",
    socket,
    argv: [GENUINE.containerd, "--config", config, ...folders, "--address", socket],
  });
}

/** Runs a pod of one container by CRI, in the host's network: there are no CNI plugins. */
async function runPod(socket: string): Promise<void> {
  const cri = new GrpcPatient(socket, "k8s.io");
  const { runPodSandbox, createContainer, startContainer } = RuntimeService.method;
  const must = <T>(reply: { ok: true; message: T } | { ok: false; text: string }): T => {
    if (!reply.ok) throw new Error(reply.text);
    return reply.message;
  };
  const { tag } = stack.sandbox;
  const sandboxConfig = {
    metadata: { name: tag, uid: tag, namespace: "default" },
    linux: { cgroupParent: `/${tag}`, securityContext: { namespaceOptions: { network: 2 } } },
  };
  try {
    const pod = must(await cri.call(runPodSandbox, { config: sandboxConfig }, CALL_MS));
    const config = {
      metadata: { name: "app" },
      image: { image: PAUSE_IMAGE },
      command: ["/bin/sleep", "100000"],
      linux: {},
    };
    const { podSandboxId } = pod;
    const made = must(
      await cri.call(createContainer, { podSandboxId, sandboxConfig, config }, CALL_MS),
    );
    must(await cri.call(startContainer, { containerId: made.containerId }, CALL_MS));
  } finally {
    cri.close();
  }
}

test.skipIf(reason !== undefined)(
  `a pod's container is found by the pod's name, and CRI is probed too${because}`,
  async () => {
    const node = await startNode();
    const archive = stack.sandbox.path("pause.tar");
    const image = await busyboxTar(stack.sandbox);
    await stack.must("import", "-c", 'CMD ["/bin/sleep","100000"]', image, PAUSE_IMAGE);
    await stack.must("save", "-o", archive, PAUSE_IMAGE);
    await mustRun([GENUINE.ctr, "-a", node.socket, "-n", "k8s.io", "images", "import", archive]);
    await runPod(node.socket);
    const name = `${stack.sandbox.tag}/app`;
    const { report, code } = await doctor(name);
    expect(code).toBe(0);
    expect(report.container).toMatchObject({ name, namespace: "k8s.io" });
    const works = { cri: "works", containerd: "works", shim: "works", runc: "works" };
    expect(marks(report)).toMatchObject(works);
    process.kill(node.pid, "SIGSTOP");
    const hung = await doctor(name);
    process.kill(node.pid, "SIGCONT");
    expect(hung.report.cause?.id).toBe("containerd-hung");
    expect(marks(hung.report)).toMatchObject({ cri: "hangs", containerd: "hangs" });
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `a container of a bare runtime is found in the root that is named, paused or not${because}`,
  async () => {
    const root = stack.sandbox.path("bare");
    const bundle = await makeBundle(stack.sandbox, "bare1", { args: ["sleep", "100000"] });
    const runc = [GENUINE.runc, "--root", root];
    await mustRun([
      "sh",
      "-c",
      `${runc.join(" ")} run -d --bundle ${bundle} bare1 >/dev/null 2>&1`,
    ]);
    const well = await doctor("--runtime-root", root, "bare1");
    expect(well.report.healthy).toBe(true);
    expect(marks(well.report)).toMatchObject({ runc: "works", container: "works" });
    await mustRun([...runc, "pause", "bare1"]);
    const paused = await doctor("--runtime-root", root, "bare1");
    expect(paused.report.cause?.id).toBe("paused");
    expect(paused.report.link).toBe("runc");
    await mustRun([...runc, "resume", "bare1"]);
    await mustRun([...runc, "delete", "-f", "bare1"]);
  },
  LIMIT_MS,
);

test.skipIf(noPodman !== undefined)(
  `a container of podman is found by its name${noPodman ? ` (skipped: ${noPodman})` : ""}`,
  async () => {
    const { sandbox } = stack;
    const folders = ["--root", sandbox.path("podman", "root"), "--runroot", sandbox.path("podrun")];
    const podman = [PODMAN, ...folders, "--cgroup-manager", "cgroupfs", "--runtime", "runc"];
    await mustRun([...podman, "import", await busyboxTar(sandbox), "pod:1"]);
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4000:4000"];
    const name = `pod-${sandbox.tag}`;
    const flags = ["--name", name, "--network", "none", ...limits];
    await mustRun([...podman, "run", "-d", ...flags, "pod:1", "/bin/sleep", "100000"]);
    try {
      const { report } = await doctor(name);
      expect(report.container.name).toBe(name);
      expect(report.healthy).toBe(true);
      expect(marks(report)).toMatchObject({ runc: "works", container: "works" });
      await mustRun([...podman, "pause", name]);
      const paused = await doctor(name);
      expect(paused.report.cause?.id).toBe("paused");
      await mustRun([...podman, "unpause", name]);
      const argv = [binPath("catena"), "exec", "--via", "runc", name];
      expect(await mustRun([...argv, "echo", "entered"])).toBe("entered\n");
      const pid = Number(await mustRun([...podman, "inspect", "-f", "{{.State.Pid}}", name]));
      const folder = pidsFolder(pid);
      writeFileSync(`${folder}/pids.max`, readFileSync(`${folder}/pids.current`, "utf8").trim());
      const full = await doctor(name);
      expect(full.report.cause?.id).toBe("pids-cgroup-full");
      expect(full.report.link).toBe("container cgroup");
    } finally {
      await runCommand([...podman, "rm", "-f", "-t", "0", name]);
    }
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `without root it says what it could not see, and claims nothing${because}`,
  async () => {
    const name = await stack.run([]);
    const folder = stack.sandbox.path("public");
    await mustRun(["cp", "-rL", `${binPath("catena")}`, folder]);
    await mustRun(["chmod", "711", stack.sandbox.folder]);
    await mustRun(["chmod", "755", folder]);
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const argv = [...nobody, folder, "doctor", "--json", "--docker", stack.dockerSocket];
    const result = await runCommand([...argv, name]);
    const report = JSON.parse(result.stdout) as { error?: string; containers: unknown[] };
    expect(result.code).toBe(3);
    expect(report.containers).toEqual([]);
    expect(report.error).toContain("not root");
    expect(report.error).toContain(`no permission to ask ${stack.dockerSocket}`);
    await stack.remove(name);
  },
  LIMIT_MS,
);
