import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { failure } from "../errors/chain_error.ts";
import { childEnv } from "../install/child_env.ts";
import type { Credentials } from "./credentials.ts";

/** How long a credential helper may take: it may ask a person. */
const HELPER_MS = 60_000;
const MAX_HELPER_BYTES = 1024 * 1024;
const HUB = "docker.io";
/** The name under which docker's configuration knows Docker Hub. */
const HUB_KEY = "https://index.docker.io/v1/";

interface AuthEntry {
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

interface DockerConfig {
  auths?: Record<string, AuthEntry>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** Path of docker's configuration: DOCKER_CONFIG names its folder. */
export const dockerConfigPath = (env: NodeJS.ProcessEnv = process.env) =>
  join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");

function readConfig(path: string): DockerConfig {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return {};
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as DockerConfig) : {};
  } catch {
    throw failure({
      layer: "cli",
      op: "read credentials",
      code: "failed_precondition",
      message: `${path} is not JSON`,
      fix: "mend or remove the file",
      evidence: [{ kind: "path", value: "not JSON", ref: path }],
    });
  }
}

const bareHost = (key: string) => key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");

/**
 * Credentials that docker's configuration has for a registry (`docker.io`, `host:5000`): from the
 * helper of that registry, from the store of all, or from the file itself. Empty when it has none.
 */
export async function configuredCredentials(
  host: string,
  path = dockerConfigPath(),
): Promise<Credentials> {
  const config = readConfig(path);
  const key = host === HUB ? HUB_KEY : host;
  const helper = config.credHelpers?.[key] ?? config.credHelpers?.[host] ?? config.credsStore;
  if (helper) {
    const found = await askHelper(helper, key);
    if (found) return found;
  }
  const { auths = {} } = config;
  const name = Object.hasOwn(auths, key)
    ? key
    : Object.keys(auths).find((entry) => bareHost(entry) === bareHost(key));
  return name === undefined ? {} : entryCredentials(auths[name] ?? {});
}

function entryCredentials(entry: AuthEntry): Credentials {
  const out: Credentials = {};
  const text = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : "";
  const colon = text.indexOf(":");
  const username = entry.username ?? (colon > 0 ? text.slice(0, colon) : "");
  const password = entry.password ?? (colon > 0 ? text.slice(colon + 1) : "");
  if (username) Object.assign(out, { username, password: password.replace(/\0+$/, "") });
  if (entry.identitytoken) out.identityToken = entry.identitytoken;
  if (entry.registrytoken) out.registryToken = entry.registrytoken;
  return out;
}

/** Runs `docker-credential-NAME get`. Undefined when it has nothing for this registry. */
async function askHelper(name: string, key: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const found = /^[\w.-]+$/.test(name) && Bun.which(program, { PATH: process.env["PATH"] ?? "" });
  if (!found) throw helperFailed(program, "not on PATH");
  const helper = Bun.spawn([found, "get"], {
    stdin: new Blob([key]),
    stdout: "pipe",
    stderr: "ignore",
    env: childEnv(),
    timeout: HELPER_MS,
    maxBuffer: MAX_HELPER_BYTES,
  });
  const text = await new Response(helper.stdout).text();
  const code = await helper.exited;
  if (code !== 0) {
    if (/credentials not found|not found/i.test(text)) return undefined;
    throw helperFailed(program, `it ended with code ${code}: ${text.trim().slice(0, 200)}`);
  }
  try {
    const { Username = "", Secret = "" } = JSON.parse(text) as Record<string, string>;
    // By this name helpers say that the secret is an identity token.
    if (Username === "<token>") return { identityToken: Secret };
    return { username: Username, password: Secret };
  } catch {
    throw helperFailed(program, "its answer is not JSON");
  }
}

const helperFailed = (program: string, reason: string) =>
  failure({
    layer: "cli",
    op: "ask credential helper",
    code: "failed_precondition",
    message: `error getting credentials: ${program}: ${reason}`,
    fix: "install the helper, or remove it from docker's config.json",
  });
