import { expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  Signal,
} from "#gen/wire/cri/proto/container_config_pb.ts";
import { PodSandboxConfigSchema } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import { NamespaceMode, SecurityProfile_ProfileType } from "#gen/wire/cri/proto/security_pb.ts";
import { containerBody } from "./container_body.ts";
import { sandboxBody } from "./sandbox_body.ts";

const pod = create(PodSandboxConfigSchema, { logDirectory: "/var/log/pods/x" });
const plan = { sandboxId: "abc", runtime: "", cgroupParent: "/kubepods/podx" };
const body = (init: MessageInitShape<typeof ContainerConfigSchema>) =>
  containerBody(create(ContainerConfigSchema, init) as ContainerConfig, pod, plan);

test("a container joins its sandbox and logs below the pod's folder", () => {
  const { HostConfig, Labels, Env } = body({
    logPath: "app/0.log",
    envs: [{ key: "A", value: "b=c" }],
    linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } },
  });
  expect(HostConfig).toMatchObject({
    NetworkMode: "container:abc",
    IpcMode: "container:abc",
    CgroupParent: "/kubepods/podx",
    RestartPolicy: { Name: "no" },
  });
  expect(HostConfig?.PidMode).toBeUndefined();
  expect(Labels?.["io.kubernetes.container.logpath"]).toBe("/var/log/pods/x/app/0.log");
  expect(Env).toEqual(["A=b=c"]);
});

test("namespaces of pod, host and another container", () => {
  const pid = (namespaceOptions: { pid: NamespaceMode; targetId?: string }) =>
    body({ linux: { securityContext: { namespaceOptions } } }).HostConfig?.PidMode;
  expect(pid({ pid: NamespaceMode.POD })).toBe("container:abc");
  expect(pid({ pid: NamespaceMode.NODE })).toBe("host");
  expect(pid({ pid: NamespaceMode.TARGET, targetId: "t" })).toBe("container:t");
  const host = body({
    linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } },
  });
  expect(host.HostConfig).toMatchObject({ NetworkMode: "host", UTSMode: "host" });
});

test("profiles: unset means unconfined, runtime default means Docker's", () => {
  const options = (seccomp?: { profileType: SecurityProfile_ProfileType }) =>
    body({ linux: { securityContext: seccomp ? { seccomp } : {} } }).HostConfig?.SecurityOpt;
  expect(options()).toEqual(["seccomp=unconfined"]);
  expect(options({ profileType: SecurityProfile_ProfileType.RuntimeDefault })).toEqual([]);
  expect(() =>
    body({ linux: { securityContext: { seccompProfilePath: "localhost/no/where.json" } } }),
  ).toThrow("seccomp profile path must be absolute");
});

test("users, signals, limits", () => {
  const given = body({
    stopSignal: Signal.SIGRTMINPLUS3,
    linux: {
      securityContext: { runAsUser: { value: 7n }, runAsGroup: { value: 8n } },
      resources: { memoryLimitInBytes: 1024n, cpuQuota: -1n },
    },
  });
  expect(given).toMatchObject({ User: "7:8", StopSignal: "SIGRTMIN+3" });
  expect(given.HostConfig).toMatchObject({ Memory: 1024, MemorySwap: 1024, CpuQuota: -1 });
  expect(() => body({ linux: { securityContext: { runAsGroup: { value: 1n } } } })).toThrow(
    "runAsGroup is specified without a runAsUser",
  );
});

test("what cannot be is refused", () => {
  expect(() => body({ logPath: "../../etc/passwd" })).toThrow("leads out of");
  expect(() => body({ CDIDevices: [{ name: "v/d=x" }] })).toThrow("CDI devices");
  const mounts = [{ hostPath: "/", containerPath: "/x", image: { image: "busybox" } }];
  expect(() => body({ mounts })).toThrow("images cannot be mounted");
});

test("a sandbox publishes ports on Docker's bridge alone", () => {
  const config = create(PodSandboxConfigSchema, {
    hostname: "web",
    portMappings: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }],
  });
  const sandbox = (networkMode: string) =>
    sandboxBody(config, { image: "p", networkMode, runtime: "", cgroupParent: "" });
  expect(sandbox("default").HostConfig?.PortBindings).toEqual({
    "80/tcp": [{ HostIp: "", HostPort: "8080" }],
  });
  expect(sandbox("none")).toMatchObject({ Hostname: "web", HostConfig: { NetworkMode: "none" } });
  expect(sandbox("none").HostConfig?.PortBindings).toBeUndefined();
});
