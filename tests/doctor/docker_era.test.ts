import { expect, test } from "bun:test";
import { findContainers, matchContainers } from "#tools/doctor/discover/find_containers.ts";
import { surveyHost } from "#tools/doctor/discover/find_stacks.ts";
import { collectRuntime } from "#tools/doctor/evidence/collect_runtime.ts";
import { FixtureHost, procEntries } from "./fixture_host.ts";

const ID = "e".repeat(64);
const DAEMON = "/var/run/docker/containerd";
const SOCKET = `${DAEMON}/docker-containerd.sock`;
const BUNDLE = `${DAEMON}/daemon/io.containerd.runtime.v1.linux/moby/${ID}`;
const CONFIG = `state = "${DAEMON}/daemon"\n[grpc]\naddress = "${SOCKET}"\n`;
const ROOT = "/var/run/docker/runtime-runc";

/** A host as Docker 17.12 to 18.06 left it: the one of the story in the catalogue. */
function oldHost(): FixtureHost {
  return new FixtureHost({
    ...procEntries(7, ["/usr/bin/dockerd"]),
    ...procEntries(8, ["docker-containerd", "--config", `${DAEMON}/containerd.toml`]),
    [`${DAEMON}/containerd.toml`]: CONFIG,
    ...procEntries(9, [
      "docker-containerd-shim",
      ...["-namespace", "moby", "-workdir", `/var/lib/docker/containerd/x/moby/${ID}`],
      ...["-address", SOCKET, "-containerd-binary", "/usr/bin/docker-containerd"],
      ...["-runtime-root", ROOT],
    ]),
    "/proc/9/cwd": { link: BUNDLE },
    [SOCKET]: "",
    [`${BUNDLE}/config.json`]: "{}",
    [`${ROOT}/moby/${ID}/state.json`]: '{"id":"x","init_process_pid":10}',
    "/usr/bin/docker-runc": "",
  });
}

test("a container of the docker-containerd era is found, its runtime and state too", async () => {
  const host = oldHost();
  try {
    const options = { program: [], stateDir: "/run/catena", probe: false, readOnly: true };
    const survey = surveyHost(host.files, options);
    const stack = survey.stacks.find((one) => one.docker !== undefined)!;
    expect(stack.containerd).toMatchObject({ socket: SOCKET, pid: 8 });
    const [found] = matchContainers(await findContainers(survey, stack, false), ID.slice(0, 12));
    expect(found).toMatchObject({ id: ID, bundle: BUNDLE, runtimeRoot: `${ROOT}/moby` });
    const runtime = collectRuntime(host.files, found!, undefined, undefined);
    expect(runtime).toMatchObject({ name: "docker-runc", stateExists: true, initPid: 10 });
  } finally {
    host.remove();
  }
});
