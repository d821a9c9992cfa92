import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { loadImages, startDockershim } from "../../kubelet/dockershim_stack.ts";
import { KubeletUnderTest } from "../../kubelet/kubelet_under_test.ts";
import { pod, STAY, shell } from "../../kubelet/scenario_pods.ts";
import { startCatenaDaemon } from "../../lib/catena_stack.ts";
import { mustRun, runCommand } from "../../lib/command.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../../lib/genuine_stack.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";

// Our kubelet where systemd makes the cgroups: pods are slices, their containers scopes in them.

const LIMIT_MS = 280_000;
const MIB = 1 << 20;
const ROOT = "/sys/fs/cgroup";
const SYSTEMD = "native.cgroupdriver=systemd";
const RESOURCES = { limits: { memory: "64Mi" }, requests: { memory: "64Mi", cpu: "250m" } };

/** Both Dockers, each with the systemd driver; what they return is the socket of its CRI. */
const STACKS: Record<string, (sandbox: Sandbox) => Promise<{ cri: string; docker: string }>> = {
  async "our dockershim on Debian's dockerd"(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, {
      ...{ containerd: containerd.socket, execOptions: [SYSTEMD] },
    });
    await loadImages(sandbox, dockerd.socket);
    return { cri: await startDockershim(sandbox, dockerd.socket), docker: dockerd.socket };
  },
  async "our whole stack"(sandbox) {
    const daemon = await startCatenaDaemon(sandbox, ["--exec-opt", SYSTEMD]);
    await loadImages(sandbox, daemon.socket);
    return { cri: `${daemon.state}/cri.sock`, docker: daemon.socket };
  },
};

const knob = (path: string, file: string) => readFileSync(`${ROOT}${path}/${file}`, "utf8").trim();

for (const [name, start] of Object.entries(STACKS)) {
  describe.skipIf(isElsewhere("systemd"))(laneTitle("systemd", `kubelet over ${name}`), () => {
    let sandbox: Sandbox;
    let kubelet: KubeletUnderTest;
    let docker: string;
    let cri: string;
    let slice: string;

    beforeAll(async () => {
      sandbox = new Sandbox();
      ({ cri, docker } = await start(sandbox));
      const flags = ["--cgroup-driver", "systemd", "--pod-pids-limit", "100"];
      kubelet = await KubeletUnderTest.start(sandbox, { cri, flags });
    }, LIMIT_MS);
    afterAll(() => sandbox?.close(), LIMIT_MS);

    const inspect = async (filter: string, format: string) => {
      const base = ["docker", "-H", `unix://${docker}`];
      const id = (await mustRun([...base, "ps", "-q", "--filter", `name=${filter}`])).trim();
      return (await mustRun([...base, "inspect", "--format", format, id])).trim();
    };

    test(
      "a pod is a slice with its limits, which survive daemon-reload",
      async () => {
        const containers = [shell("app", STAY, { resources: RESOURCES })];
        kubelet.write("here.json", pod("here", { containers }));
        const { metadata } = await kubelet.podWhen("here", "runs", isRunning);
        const root = sandbox.tag.replaceAll("-", "_");
        const burstable = `${root}-kubepods-burstable`;
        const unit = `${burstable}-pod${metadata.uid.replaceAll("-", "_")}.slice`;
        slice = `/${root}.slice/${root}-kubepods.slice/${burstable}.slice/${unit}`;
        const check = () => {
          expect(knob(slice, "memory.max")).toBe(String(64 * MIB));
          expect(knob(slice, "pids.max")).toBe("100");
          expect(knob(slice, "cpu.weight")).toBe("10");
        };
        check();
        await mustRun(["systemctl", "daemon-reload"]);
        check();
        const show = ["systemctl", "show", unit, "--property=TasksMax", "--value"];
        expect((await mustRun(show)).trim()).toBe("100");
      },
      LIMIT_MS,
    );

    test("its containers are scopes there; Docker was told the slice's name alone", async () => {
      for (const one of ["k8s_POD_here", "k8s_app_here"]) {
        const [pid, id, parent] = (
          await inspect(one, "{{.State.Pid}} {{.Id}} {{.HostConfig.CgroupParent}}")
        ).split(" ");
        const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().slice("0::".length);
        expect(cgroup).toBe(`${slice}/docker-${id}.scope`);
        expect(parent).toBe(slice.slice(slice.lastIndexOf("/") + 1));
      }
    });

    test("the metrics have numbers of the scope", async () => {
      const text = await kubelet.text("/metrics/cadvisor");
      const line = text
        .split("\n")
        .find((one) => /^container_memory_usage_bytes.*container="app"/.test(one));
      expect(line).toContain(`id="${slice}/docker-`);
      expect(Number(line?.split(" ")[1])).toBeGreaterThan(0);
    });

    test(
      "a kubelet with the other driver is refused in genuine words",
      async () => {
        const other = await runCommand([
          ...[binPath("catena"), "kubelet", "--manifests", sandbox.path("none"), "--cri", cri],
          ...["--root", sandbox.path("other"), "--state", sandbox.path("other"), "--port", "0"],
          ...["--cgroup-driver", "cgroupfs"],
        ]);
        expect(other.code).not.toBe(0);
        expect(other.stderr).toContain(
          'misconfiguration: kubelet cgroup driver: "cgroupfs" is different from ' +
            'docker cgroup driver: "systemd"',
        );
      },
      LIMIT_MS,
    );

    test(
      "nothing is left of the pod when its manifest goes",
      async () => {
        kubelet.remove("here.json");
        await waitUntil("the slice is gone", () => !existsSync(`${ROOT}${slice}`), LIMIT_MS / 2);
        const unit = slice.slice(slice.lastIndexOf("/") + 1);
        const show = ["systemctl", "show", unit, "--property=ActiveState", "--value"];
        expect((await mustRun(show)).trim()).toBe("inactive");
      },
      LIMIT_MS,
    );

    test(
      "a kubelet that was told nothing takes the runtime's driver",
      async () => {
        await kubelet.close();
        kubelet = await KubeletUnderTest.start(sandbox, { cri });
        kubelet.write("whole.json", pod("whole", { containers: [shell("app", STAY)] }));
        await kubelet.podWhen("whole", "runs", isRunning);
        const parent = await inspect("k8s_app_whole", "{{.HostConfig.CgroupParent}}");
        expect(parent).toMatch(/-kubepods-besteffort-pod[0-9a-f_]+\.slice$/);
        await kubelet.close();
      },
      LIMIT_MS,
    );
  });
}

function isRunning({ status }: { status: { phase: string } }): boolean {
  return status.phase === "Running";
}
