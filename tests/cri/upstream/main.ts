import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { startCatenaDaemonOn } from "../../lib/catena_stack.ts";
import { mustRun } from "../../lib/command.ts";
import { PrivateNetwork } from "../../lib/private_network.ts";
import { Sandbox, sweepSandboxes } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { upstreamImages, upstreamNames } from "./images.ts";

const USAGE = "usage: npm run critest -- FOLDER-OF-CRI-TOOLS-1.26.1 [FLAG-OF-CRITEST…]";
/** In a network namespace of its own no other registry can have this port. */
const REGISTRY = "127.0.0.1:5000";
const PLUGINS = "/usr/lib/cni";
const BUILD_MS = 1_800_000;

/**
 * Runs upstream's critest on `catena daemon`: both, and a registry with the images that it wants,
 * in a network namespace of their own. Returns critest's exit code.
 */
async function main(args: string[]): Promise<number> {
  const [folder, ...flags] = args;
  if (folder === undefined || !existsSync(join(folder, "pkg/validate/consts.go"))) {
    console.error(USAGE);
    return 2;
  }
  await sweepSandboxes();
  const sandbox = new Sandbox();
  try {
    const network = await PrivateNetwork.create(sandbox, "node");
    await startRegistry(sandbox, network);
    const confDir = writeNetwork(sandbox);
    const daemon = await startCatenaDaemonOn(sandbox, network, [
      ...["--bridge", "none", "--cni-conf-dir", confDir, "--cni-bin-dir", PLUGINS],
    ]);
    const digest = await fillRegistry(sandbox, daemon.socket);
    const program = await buildCritest(resolve(folder), digest);
    const socket = `unix://${daemon.state}/cri.sock`;
    const argv = [program, "-runtime-endpoint", socket, "-image-endpoint", socket, ...flags];
    const child = Bun.spawn(network.enter(argv), {
      stdio: ["ignore", "inherit", "inherit"],
      env: childEnv({ PATH: process.env["PATH"] ?? "" }),
    });
    return await child.exited;
  } finally {
    await sandbox.close();
  }
}

async function startRegistry(sandbox: Sandbox, network: PrivateNetwork): Promise<void> {
  const config = sandbox.path("registry", "config.yml");
  const lines = [
    "version: 0.1",
    "log: {level: error, formatter: text}",
    "storage:",
    `  filesystem: {rootdirectory: ${sandbox.path("registry", "data")}}`,
    `http: {addr: "${REGISTRY}"}`,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const log = Bun.file(sandbox.path("registry", "log"));
  const server = Bun.spawn(network.enter(["/usr/bin/docker-registry", "serve", config]), {
    ...{ stdin: "ignore", stdout: log, stderr: log },
    env: childEnv({ OTEL_TRACES_EXPORTER: "none" }),
  });
  sandbox.onClose(async () => {
    server.kill("SIGTERM");
    await server.exited;
  });
  const listening = async () => (await network.run(["ss", "-ltn"])).stdout.includes(REGISTRY);
  await waitUntil("the registry listens", listening);
}

/** A bridge with host ports, as a node's network add-on writes it. */
function writeNetwork(sandbox: Sandbox): string {
  const folder = sandbox.path("cni", "conf");
  mkdirSync(folder, { recursive: true });
  const ipam = {
    type: "host-local",
    dataDir: sandbox.path("cni", "leases"),
    ranges: [[{ subnet: "10.234.0.0/16" }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const bridge = { type: "bridge", bridge: "critest0", isGateway: true, hairpinMode: true, ipam };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  const list = { cniVersion: "0.4.0", name: "critest", plugins: [bridge, portmap] };
  writeFileSync(join(folder, "10-critest.conflist"), JSON.stringify(list));
  return folder;
}

/** Pushes the images by our dockerd, and forgets them: critest pulls. Returns a digest of one. */
async function fillRegistry(sandbox: Sandbox, docker: string): Promise<string> {
  const env = {
    DOCKER_HOST: `unix://${docker}`,
    DOCKER_CONFIG: sandbox.path("docker-config"),
    PATH: process.env["PATH"] ?? "",
  };
  const run = (...args: string[]) => mustRun(["docker", ...args], { env });
  await run("load", "-i", await upstreamImages(sandbox, REGISTRY));
  let digest = "";
  const names = upstreamNames(REGISTRY);
  for (const name of names) {
    const said = await run("push", name);
    const found = /digest: (sha256:[0-9a-f]{64})/.exec(said)?.[1];
    if (name.includes("test-image-digest")) digest = found ?? "";
  }
  if (digest === "") throw new Error("docker push told no digest");
  await run("rmi", "-f", ...names);
  return digest;
}

/** Has its source name our registry, and builds it with the system's Go. Returns the program. */
async function buildCritest(folder: string, digest: string): Promise<string> {
  edit(join(folder, "pkg/validate/consts.go"), [
    [/registry = "[^"]*"/, `registry = "${REGISTRY}/"`],
    [/(test-image-digest@)sha256:[0-9a-f]{64}"\n(\ttestLinuxImageWithAll)/, `$1${digest}"\n$2`],
  ]);
  const prefix = /DefaultRegistryPrefix = "[^"]*"/;
  edit(join(folder, "pkg/framework/test_context.go"), [
    [prefix, `DefaultRegistryPrefix = "${REGISTRY}"`],
  ]);
  const program = join(folder, "critest");
  const argv = ["go", "test", "-c", "-mod=vendor", "-o", program, "./cmd/critest"];
  console.error("critest: building it");
  const { PATH = "", HOME = "/root", GOCACHE } = process.env;
  const env = { PATH, HOME, CGO_ENABLED: "0", ...(GOCACHE !== undefined && { GOCACHE }) };
  await mustRun(argv, { cwd: folder, env, timeoutMs: BUILD_MS });
  return program;
}

function edit(path: string, changes: [RegExp, string][]): void {
  let text = readFileSync(path, "utf8");
  for (const [from, to] of changes) {
    if (!from.test(text)) throw new Error(`${path} has no ${from}: is it cri-tools 1.26?`);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
