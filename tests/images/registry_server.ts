import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { mustRun } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

export const REGISTRY = "/usr/bin/docker-registry";
export const USER = "someone";
export const PASSWORD = "p:ss w/rd";

/** Why tests with a registry cannot run here; undefined when they can. */
export const registryMissing = () =>
  existsSync(REGISTRY) ? undefined : "docker-registry is not there";

export interface RegistryServer {
  /** HOST:PORT, on loopback. */
  host: string;
  /** With TLS: the folder of certificates for `certs.d`, and the CA's file. */
  certsFolder?: string;
  caFile?: string;
}

/** Debian's registry on a free port of loopback, until the sandbox closes. */
export async function startRegistry(
  sandbox: Sandbox,
  name: string,
  secured = false,
): Promise<RegistryServer> {
  const tls = secured ? await makeCertificate(sandbox, name) : undefined;
  const config = sandbox.path(name, "config.yml");
  const log = sandbox.path(name, "log");
  const http = ["http:", "  addr: 127.0.0.1:0"];
  const auth: string[] = [];
  if (tls) {
    http.push("  tls:", `    certificate: ${tls.cert}`, `    key: ${tls.key}`);
    const hash = await Bun.password.hash(PASSWORD, { algorithm: "bcrypt", cost: 4 });
    const passwords = sandbox.path(name, "htpasswd");
    writeFileSync(passwords, `${USER}:${hash.replace("$2b$", "$2y$")}\n`);
    auth.push("auth:", "  htpasswd:", "    realm: here", `    path: ${passwords}`);
  }
  const storage = ["storage:", "  filesystem:", `    rootdirectory: ${sandbox.path(name, "data")}`];
  const lines = [
    "version: 0.1",
    "log: {level: info, formatter: text}",
    ...storage,
    ...http,
    ...auth,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const server = Bun.spawn([REGISTRY, "serve", config], {
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(log),
    env: childEnv({ OTEL_TRACES_EXPORTER: "none" }),
  });
  sandbox.onClose(async () => {
    server.kill("SIGTERM");
    await server.exited;
  });
  let port = "";
  await waitUntil("the registry listens", () => {
    const text = existsSync(log) ? readFileSync(log, "utf8") : "";
    port = /listening on 127\.0\.0\.1:([0-9]+)/.exec(text)?.[1] ?? "";
    return port !== "";
  });
  const host = `localhost:${port}`;
  if (!tls) return { host };
  const folder = sandbox.path(name, "certs.d", host, "ca.crt");
  writeFileSync(folder, readFileSync(tls.cert));
  return { host, certsFolder: sandbox.path(name, "certs.d"), caFile: tls.cert };
}

async function makeCertificate(sandbox: Sandbox, name: string) {
  const cert = sandbox.path(name, "cert.pem");
  const key = sandbox.path(name, "key.pem");
  const flags = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const files = ["-keyout", key, "-out", cert, "-days", "2"];
  await mustRun(["openssl", "req", ...flags, ...subject, ...files], { cwd: join(cert, "..") });
  return { cert, key };
}
