import { statSync } from "node:fs";
import { release } from "node:os";
import { childEnv } from "#lib/install/child_env.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { PingView, VersionView } from "#wire/docker-api/types/system.ts";
import type { Daemon } from "../daemon.ts";

/** The API that this daemon speaks, and the dockerd whose behaviour it has. */
export const API_VERSION = "1.50";
const MIN_API_VERSION = "1.24";
const ENGINE_VERSION = "28.2.2";
export const OWN_VERSION = "0.1.0";
export const SERVER_VERSION = `${ENGINE_VERSION}+catena.${OWN_VERSION}`;

const INIT_LIMIT_MS = 5_000;
const GO_ARCH: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/** GET /_ping */
export async function ping(): Promise<PingView> {
  return {
    apiVersion: API_VERSION,
    osType: "linux",
    experimental: false,
    builderVersion: "1",
    swarm: "inactive",
  };
}

/** GET /version */
export async function version(daemon: Daemon, context: CallContext): Promise<VersionView> {
  const below = await daemon.services.version.version({}, daemon.call(context));
  const init = await initVersion(daemon.initPath);
  const arch = GO_ARCH[process.arch] ?? process.arch;
  const built = buildTime();
  return {
    Platform: { Name: "Catena Engine" },
    Components: [
      {
        Name: "Engine",
        Version: SERVER_VERSION,
        Details: {
          ApiVersion: API_VERSION,
          Arch: arch,
          BuildTime: built,
          Experimental: "false",
          GitCommit: "",
          GoVersion: `bun ${Bun.version}`,
          KernelVersion: release(),
          MinAPIVersion: MIN_API_VERSION,
          Os: "linux",
        },
      },
      { Name: "containerd", Version: below.version, Details: { GitCommit: below.revision } },
      { Name: "catena-runc", Version: OWN_VERSION, Details: { GitCommit: "" } },
      ...(init
        ? [{ Name: "docker-init", Version: init.version, Details: { GitCommit: init.commit } }]
        : []),
    ],
    Version: SERVER_VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: "",
    GoVersion: `bun ${Bun.version}`,
    Os: "linux",
    Arch: arch,
    KernelVersion: release(),
    BuildTime: built,
  };
}

/** When this executable was made. */
const buildTime = () => statSync(process.execPath).mtime.toISOString();

/** What the init program of `--init` says it is: `tini version 0.19.0 - git.de40ad0`. */
export async function initVersion(
  path: string | undefined,
): Promise<{ version: string; commit: string } | undefined> {
  if (path === undefined) return undefined;
  const known = asked.get(path);
  if (known) return known;
  const answer = askInit(path);
  asked.set(path, answer);
  return answer;
}

const asked = new Map<string, Promise<{ version: string; commit: string } | undefined>>();

async function askInit(path: string) {
  try {
    const child = Bun.spawn([path, "--version"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: INIT_LIMIT_MS,
      killSignal: "SIGKILL",
      env: childEnv(),
    });
    const words = await new Response(child.stdout).text();
    const [, version, commit = ""] = /version ([0-9.]+)(?: - git\.([0-9a-f]+))?/.exec(words) ?? [];
    return version === undefined ? undefined : { version, commit };
  } catch {
    return undefined;
  }
}
