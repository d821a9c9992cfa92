import { expect, test } from "bun:test";
import { recogniseMessages } from "./recognise_message.ts";

const causesOf = (text: string) =>
  recogniseMessages(text).flatMap((one) => one.known.flatMap((k) => k.causes.map((c) => c.id)));

test("the article's three lines are recognised verbatim", () => {
  const lines = [
    'level=error msg="stream copy error: reading from a closed fifo"',
    'level=error msg="Error running exec 110deb in container: OCI runtime exec failed: ' +
      "exec failed: container_linux.go:348: starting container process caused " +
      '\\"read init-p: connection reset by peer\\": unknown"',
    "runtime/cgo: pthread_create failed: Resource temporarily unavailable",
  ];
  const found = recogniseMessages(lines.join("\n"));
  expect(found).toHaveLength(3);
  expect(found[0]!.known[0]!.echo).toBe(true);
  expect(found[1]!.passed).toEqual(["dockerd", "shim", "runc", "runc init"]);
  expect(found[1]!.era).toContain("rc");
  expect(found[1]!.known[0]!.causes[0]!.id).toBe("pids-cgroup-full");
  expect(found[2]!.known[0]!.causes.map((cause) => cause.id)).toContain("rlimit-nproc");
});

test.each([
  ["can't fork: Resource temporarily unavailable", "pids-app-fork"],
  ["failed to create init process I/O: pipe2: too many open files", "shim-nofile"],
  ["write /run/runc-process123: no space left on device", "runtime-dir-full"],
  ['exec: "bash": executable file not found in $PATH: unknown', "exec-not-found"],
  ['chdir to cwd ("/no/such") set in config.json failed: no such file or directory', "cwd-missing"],
  ["unable to find user nouser: no matching entries in passwd file", "user-unknown"],
  ["dial unix /run/containerd/containerd.sock: connect: connection refused", "containerd-down"],
  ["cannot start an already running container", "seccomp-kill"],
  ["Container abc is paused, unpause the container before exec", "paused"],
  ["exec /tool: exec format error", "exec-format"],
  ["unable to join session keyring: create session key: disk quota exceeded", "keyring-quota"],
])("%s", (line, cause) => {
  expect(causesOf(line)).toContain(cause);
});

test("an echo beside a real message is left out", () => {
  const text =
    "unable to retrieve OCI runtime error (open log.json: no such file or directory): " +
    "fork/exec /usr/sbin/runc: resource temporarily unavailable";
  expect(recogniseMessages(text)[0]!.known.every((one) => !one.echo)).toBe(true);
});

test("other text is not recognised", () => {
  expect(recogniseMessages("Server listening on 0.0.0.0:80\n\x1b[31mhello")).toEqual([]);
});

test("the same failure of two execs is one, whatever their ids", () => {
  const line = (id: string) => `Error running exec ${id}: read init-p: connection reset by peer`;
  const found = recogniseMessages([line("1a".repeat(32)), line("b2".repeat(32))].join("\n"));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ count: 2, ids: ["1a".repeat(32), "b2".repeat(32)] });
});

test("the container is found by its id, or by the name that dockerd's log has for it", () => {
  const idsOf = (line: string) => recogniseMessages(line).flatMap(({ ids }) => ids);
  const paused = "Error setting up exec command in container web: Container web is paused";
  expect(idsOf(paused)).toEqual(["web"]);
  const id = "a".repeat(64);
  expect(idsOf(`Error response from daemon: Container ${id} is not running`)).toEqual([id]);
  const exec = `Error running exec ${id} in container: OCI runtime exec failed`;
  expect(idsOf(`${exec}: read init-p: connection reset by peer`)).toEqual([id]);
});
