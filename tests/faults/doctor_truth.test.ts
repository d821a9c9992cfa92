import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { runCommand } from "../lib/command.ts";
import { FaultStack } from "./fault_stack.ts";

const LIMIT_MS = 240_000;
/** Each silent daemon takes its whole time limit; a wedged component must not wedge the doctor. */
const DOCTOR_MS = 15_000;
const reason = reasonToSkip([
  "genuine containerd",
  "genuine dockerd",
  "genuine runc",
  "docker cli",
]);
const because = reason === undefined ? "" : ` (skipped: ${reason})`;

let stack: FaultStack;

beforeAll(async () => {
  if (reason === undefined) stack = await FaultStack.start("genuine");
}, LIMIT_MS);

afterAll(async () => {
  await stack?.sandbox.close();
}, LIMIT_MS);

interface Breakage {
  /** The causes that it may be called by. */
  causes: string[];
  /** The links of the chain that must not be said to work. */
  links: string[];
  /** Breaks it, returns how to undo that. */
  inflict(name: string): Promise<() => void>;
}

function stopping(cause: string, link: string, pidOf: (name: string) => Promise<number>): Breakage {
  return {
    causes: [cause],
    links: [link],
    async inflict(name) {
      const pid = await pidOf(name);
      process.kill(pid, "SIGSTOP");
      return () => process.kill(pid, "SIGCONT");
    },
  };
}

function moving(
  cause: string,
  link: string,
  pathOf: (id: string) => string | Promise<string>,
): Breakage {
  return {
    causes: [cause],
    links: [link],
    async inflict(name) {
      const path = await pathOf(await stack.inspect(name, "{{.Id}}"));
      renameSync(path, `${path}.away`);
      return () => renameSync(`${path}.away`, path);
    },
  };
}

const stateFile = (id: string) =>
  stack.sandbox.path("dockerd", "exec", "runtime-runc", "moby", id, "state.json");
const bundle = (id: string) =>
  stack.sandbox.path("containerd", "state", "io.containerd.runtime.v2.task", "moby", id);

/** In the order in which they can be inflicted: what asks Docker comes before what silences it. */
const BREAKAGES: Breakage[] = [
  moving("state-missing", "runc", stateFile),
  {
    causes: ["state-damaged"],
    links: ["runc"],
    async inflict(name) {
      const path = stateFile(await stack.inspect(name, "{{.Id}}"));
      const whole = readFileSync(path);
      writeFileSync(path, "null");
      return () => writeFileSync(path, whole);
    },
  },
  moving("bundle-missing", "runc", bundle),
  stopping("app-stopped", "container", (name) => stack.initPid(name)),
  stopping("shim-hung", "shim", (name) => stack.shimPid(name)),
  moving("socket-gone", "containerd", () => stack.containerdSocket),
  stopping("containerd-hung", "containerd", async () => stack.containerd.pid),
  moving("socket-gone", "dockerd", () => stack.dockerSocket),
  stopping("dockerd-hung", "dockerd", async () => stack.dockerd.pid),
];

interface Report {
  healthy: boolean;
  sentence: string;
  cause: { id: string } | null;
  also: { id: string }[];
  chain: { link: string; mark: string }[];
}

async function diagnose(name: string): Promise<{ code: number; report: Report }> {
  const argv = [binPath("catena"), "doctor", "--json", "--docker", stack.dockerSocket];
  const flags = ["--containerd", stack.containerdSocket, name];
  const result = await runCommand([...argv, ...flags], { timeoutMs: DOCTOR_MS });
  expect(result.timedOut).toBe(false);
  const report = JSON.parse(result.stdout) as Report & { containers?: Report[] };
  return { code: result.code, report: report.containers?.[0] ?? report };
}

/** Pairs, each once, that differ from run to run of nothing: every third of all that there are. */
function somePairs(): [Breakage, Breakage][] {
  const all = BREAKAGES.flatMap((first, index) =>
    BREAKAGES.slice(index + 1).map((second): [Breakage, Breakage] => [first, second]),
  );
  // Both move or write the same file.
  const possible = all.filter(([first, second]) => {
    return !(first.causes[0] === "state-missing" && second.causes[0] === "state-damaged");
  });
  return possible.filter((_, index) => index % 3 === 0);
}

test.skipIf(reason !== undefined)(
  `of two faults at once only true things are said, in time${because}`,
  async () => {
    const name = await stack.run([]);
    for (const pair of somePairs()) {
      const undo: (() => void)[] = [];
      try {
        for (const breakage of pair) undo.push(await breakage.inflict(name));
        const { code, report } = await diagnose(name);
        const told = [report.cause, ...report.also].map((cause) => cause?.id);
        const what = pair.map((one) => one.causes[0]).join(" and ");
        const injected = pair.flatMap((one) => one.causes);
        expect(`${what}: ${told.filter((id) => !injected.includes(id ?? "")).join()}`).toBe(
          `${what}: `,
        );
        expect(`${what}: ${code}`).toBe(`${what}: 1`);
        const working = report.chain.filter((one) => one.mark === "works").map((one) => one.link);
        const broken = pair.flatMap((one) => one.links);
        const wrong = working.filter((link) => broken.includes(link));
        expect(`${what}: ${wrong.join()} said to work`).toBe(`${what}:  said to work`);
      } finally {
        for (const mend of undo.reverse()) mend();
        await stack.docker("ps");
      }
    }
    const { report } = await diagnose(name);
    expect(report.healthy).toBe(true);
    await stack.remove(name);
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `who answers nonsense is said to fail, without a guessed cause${because}`,
  async () => {
    const name = await stack.run([]);
    const socket = stack.sandbox.path("nonsense.sock");
    const server = Bun.listen({
      unix: socket,
      socket: { data: (peer) => void peer.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") },
    });
    try {
      for (const flags of [
        ["--docker", socket, "--containerd", stack.containerdSocket],
        ["--docker", stack.dockerSocket, "--containerd", socket],
      ]) {
        const id = await stack.inspect(name, "{{.Id}}");
        const result = await runCommand([binPath("catena"), "doctor", "--json", ...flags, id], {
          timeoutMs: DOCTOR_MS,
        });
        const report = JSON.parse(result.stdout) as Report;
        expect(report.cause).toBeNull();
        expect(result.code).toBe(2);
        const link = flags[1] === socket ? "dockerd" : "containerd";
        expect(report.chain.find((one) => one.link === link)?.mark).toBe("fails");
        expect(report.sentence).toContain(`${link} fails`);
        expect(report.sentence).toContain("these links work");
      }
    } finally {
      server.stop(true);
      await stack.remove(name);
    }
  },
  LIMIT_MS,
);

/** Mounts a FUSE file system whose server never says a word: whoever touches it waits. */
function mountSilent(folder: string): () => void {
  mkdirSync(folder);
  const device = openSync("/dev/fuse", "r+");
  mount("catest", folder, "fuse", 0, `fd=${device},rootmode=40000,user_id=0,group_id=0`);
  return () => {
    unmount(folder, UMOUNT.DETACH);
    // Ends the waiting of all who touched it.
    closeSync(device);
  };
}

const noFuse = reason ?? (existsSync("/dev/fuse") ? undefined : "no /dev/fuse");
const becauseNoFuse = noFuse === undefined ? "" : ` (skipped: ${noFuse})`;

test.skipIf(noFuse !== undefined)(
  `a file system that does not answer does not hold the doctor${becauseNoFuse}`,
  async () => {
    const well = await stack.run([]);
    const folder = stack.sandbox.path("silent");
    const unmountIt = mountSilent(folder);
    try {
      const bound = await stack.create(["-v", `${folder}/data:/data`]);
      const { code, report } = await diagnose(bound);
      expect(report.cause?.id).toBe("storage-hung");
      expect(report.sentence).toContain(`/data of the container lies on ${folder}`);
      expect(code).toBe(1);
      expect((await diagnose(well)).report.healthy).toBe(true);
    } finally {
      unmountIt();
    }
    await stack.remove(well);
  },
  LIMIT_MS,
);
