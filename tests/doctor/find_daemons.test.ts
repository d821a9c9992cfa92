import { expect, test } from "bun:test";
import { findDaemons } from "#tools/doctor/discover/find_daemons.ts";
import { readProcessTable } from "#tools/doctor/host/process_table.ts";
import { FixtureHost, procEntries } from "./fixture_host.ts";

function daemonsOf(entries: Record<string, string>) {
  const host = new FixtureHost(entries);
  try {
    return findDaemons(host.files, readProcessTable(host.files));
  } finally {
    host.remove();
  }
}

test("a private Docker is found with its folders, by its command line", () => {
  const argv = ["dockerd", "--containerd", "/x/c.sock", "--data-root", "/x/data"];
  const { dockers } = daemonsOf(
    procEntries(9, [...argv, "--exec-root=/x/exec", "-H", "unix:///x/d.sock"]),
  );
  expect(dockers).toEqual([
    {
      pid: 9,
      sockets: ["/x/d.sock"],
      dataRoot: "/x/data",
      execRoot: "/x/exec",
      containerd: "/x/c.sock",
    },
  ]);
});

test("a Docker of systemd's takes its settings from daemon.json", () => {
  const { dockers } = daemonsOf({
    ...procEntries(9, ["/usr/bin/dockerd", "-H", "fd://"]),
    "/etc/docker/daemon.json": JSON.stringify({ "data-root": "/srv/docker" }),
  });
  expect(dockers[0]).toMatchObject({
    sockets: ["/var/run/docker.sock"],
    dataRoot: "/srv/docker",
    containerd: "/run/containerd/containerd.sock",
  });
});

test("daemons of the docker-containerd era are recognised", () => {
  const era = "/var/run/docker/containerd/daemon/io.containerd.runtime.v1.linux/moby/abc";
  const { containerds, shims } = daemonsOf({
    ...procEntries(8, [
      "docker-containerd",
      "--config",
      "/var/run/docker/containerd/containerd.toml",
    ]),
    "/var/run/docker/containerd/containerd.toml":
      'state = "/var/run/docker/containerd/daemon"\n[grpc]\n' +
      'address = "/var/run/docker/containerd/docker-containerd.sock"\n',
    ...procEntries(9, [
      "docker-containerd-shim",
      "-namespace",
      "moby",
      "-workdir",
      `/var/lib/docker/containerd${era}`,
      "-address",
      "/var/run/docker/containerd/docker-containerd.sock",
      "-runtime-root",
      "/var/run/docker/runtime-runc",
    ]),
  });
  expect(containerds[0]).toMatchObject({
    socket: "/var/run/docker/containerd/docker-containerd.sock",
    stateDir: "/var/run/docker/containerd/daemon",
  });
  expect(shims[0]).toMatchObject({
    id: "abc",
    namespace: "moby",
    runtimeRoot: "/var/run/docker/runtime-runc",
  });
});

test("our daemon is both links in one process", () => {
  const { dockers, containerds } = daemonsOf(
    procEntries(9, ["/opt/catena/bin/catena", "daemon", "--state", "/s", "--root", "/r"]),
  );
  expect(dockers[0]).toMatchObject({
    sockets: ["/s/docker.sock"],
    containerd: "/s/containerd.sock",
  });
  expect(containerds[0]).toMatchObject({ socket: "/s/containerd.sock", stateDir: "/s/containerd" });
});

test("podman's and CRI-O's containers are found by the conmon that holds each", () => {
  const id = "d".repeat(64);
  const argv = ["/usr/bin/conmon", "--api-version", "1", "-c", id, "-u", id, "-r", "/usr/bin/crun"];
  const { monitors } = daemonsOf(
    procEntries(7, [...argv, "-b", "/var/lib/x/userdata", "-n", "web", "--exit-dir", "/run/x"]),
  );
  expect(monitors[0]).toMatchObject({
    id,
    name: "web",
    bundle: "/var/lib/x/userdata",
    runtimeBinary: "/usr/bin/crun",
    runtimeRoot: "/run/crun",
  });
});

test("a kubelet names the CRI socket that it uses", () => {
  const { cris } = daemonsOf(
    procEntries(7, ["kubelet", "--container-runtime-endpoint=unix:///run/k.sock"]),
  );
  expect(cris).toEqual([{ socket: "/run/k.sock" }]);
});
