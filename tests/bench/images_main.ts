import { mkdirSync, rmSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DockerHost } from "../images/docker_host.ts";
import { startRegistry } from "../images/registry_server.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { type Sizing, writeSizedContext } from "./image_context.ts";
import { peakKb } from "./peak_memory.ts";

const KB_IN_MB = 1024;
const MS_IN_S = 1000;
const DEFAULT_MB = [100, 500, 2000];
const IMAGE = "sized";

/** One daemon under measurement, with every process that belongs to it. */
interface Side {
  name: string;
  docker: DockerHost;
  pids: number[];
}

/**
 * `npm run bench -- images [MB…]`: what each size of image costs in memory and time, on the
 * genuine stack and on ours in turn. A size is one layer; `500x10` is ten layers of 500 MB in all.
 */
async function main(): Promise<void> {
  const sizings = process.argv.slice(2).map(readSizing);
  const wanted = sizings.length > 0 ? sizings : DEFAULT_MB.map((mb) => ({ mb, layers: 1 }));
  const sandbox = new Sandbox();
  try {
    const { host } = await startRegistry(sandbox, "registry");
    const sides = await startSides(sandbox);
    console.log(
      "| image | operation | genuine: peak MB, s | ours: peak MB, s |\n|---|---|---|---|",
    );
    for (const sizing of wanted) await measureSize(sandbox, sides, host, sizing);
  } finally {
    await sandbox.close();
  }
}

function readSizing(text: string): Sizing {
  const [, mb = "", layers = "1"] = /^([1-9][0-9]*)(?:x([1-9][0-9]*))?$/.exec(text) ?? [];
  if (mb === "") throw new RangeError(`${text}: sizes are MB, or MBxLAYERS`);
  return { mb: Number(mb), layers: Number(layers) };
}

async function startSides(sandbox: Sandbox): Promise<Side[]> {
  const containerd = await startGenuineContainerd(sandbox);
  const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
  const daemon = await startCatenaDaemon(sandbox);
  return [
    {
      name: "genuine",
      docker: new DockerHost(sandbox, "genuine", dockerd.socket),
      pids: [dockerd.pid, containerd.pid],
    },
    { name: "ours", docker: new DockerHost(sandbox, "ours", daemon.socket), pids: [daemon.pid] },
  ];
}

async function measureSize(
  sandbox: Sandbox,
  sides: Side[],
  registry: string,
  sizing: Sizing,
): Promise<void> {
  const context = sandbox.path("sized-context");
  await mkdir(context, { recursive: true });
  const archive = sandbox.path("saved", "image.tar");
  mkdirSync(join(archive, ".."), { recursive: true });
  try {
    writeSizedContext(context, sizing);
    const rows = new Map<string, string[]>();
    for (const side of sides) {
      for (const [what, cell] of await measureSide(side, context, archive, registry, sizing)) {
        rows.set(what, [...(rows.get(what) ?? []), cell]);
      }
    }
    const { mb, layers } = sizing;
    for (const [what, cells] of rows) {
      console.log(`| ${mb} MB, ${layers} layers | ${what} | ${cells.join(" | ")} |`);
    }
  } finally {
    rmSync(context, { recursive: true, force: true });
    rmSync(archive, { force: true });
  }
}

async function measureSide(
  side: Side,
  context: string,
  archive: string,
  registry: string,
  { mb, layers }: Sizing,
): Promise<[string, string][]> {
  const { docker, name, pids } = side;
  const remote = `${registry}/${name}-${mb}-${layers}:1`;
  const out: [string, string][] = [];
  const step = async (what: string, ...args: string[]) => {
    const begin = performance.now();
    const kb = await peakKb(pids, async () => {
      await docker.long(...args);
    });
    const seconds = (performance.now() - begin) / MS_IN_S;
    out.push([what, `${Math.round(kb / KB_IN_MB)}, ${seconds.toFixed(1)}`]);
  };
  await step("build, COPY", "build", "-q", "-t", IMAGE, context);
  await step("save", "save", "-o", archive, IMAGE);
  await docker.run("rmi", IMAGE);
  await step("load of its own archive", "load", "-q", "-i", archive);
  await docker.run("tag", IMAGE, remote);
  await step("push", "push", "-q", remote);
  await docker.run("rmi", "-f", IMAGE, remote);
  await step("pull and unpack", "pull", "-q", remote);
  await step("save of what was pulled", "save", "-o", archive, remote);
  if (statSync(archive).size === 0) throw new Error("an empty archive was saved");
  await docker.run("rmi", "-f", remote);
  return out;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
