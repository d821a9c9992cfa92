import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { failure } from "../errors/chain_error.ts";

/** What a daemon is told of registries. */
export interface RegistrySettings {
  /** Base URLs that are asked before Docker Hub itself. */
  mirrors?: string[];
  /** HOST[:PORT] or CIDR blocks that may speak plain HTTP or show any certificate. */
  insecure?: string[];
  /** Folder of HOST/ca.crt, HOST/NAME.cert and HOST/NAME.key. */
  certsFolder?: string;
}

/** Where a mirror lies; throws when that is no address. */
export function checkMirror(mirror: string): void {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "") return;
  throw failure({
    layer: "registry",
    op: "read mirrors",
    code: "invalid_argument",
    message: `invalid mirror: ${JSON.stringify(mirror)} is no http or https URL`,
  });
}

/** TLS options of Bun's fetch. */
export interface TlsOptions {
  ca?: string[];
  cert?: string;
  key?: string;
  rejectUnauthorized?: boolean;
}

/** One address at which a registry may answer. */
export interface Endpoint {
  /** `https://host:port`, without a slash at the end. */
  base: string;
  tls: TlsOptions;
  /** Mirrors are asked for pulls only, and without the registry's credentials. */
  mirror: boolean;
}

export const DEFAULT_CERTS_FOLDER = "/etc/docker/certs.d";
const HUB = "docker.io";
const HUB_HOST = "registry-1.docker.io";
/** Where distributions keep the certificates that this host trusts. */
const SYSTEM_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/**
 * Where a registry may be asked, in order. A loopback or insecure one is tried with TLS, then
 * without; any other with TLS alone.
 */
export function endpointsOf(
  host: string,
  settings: RegistrySettings,
  use: "pull" | "push",
): Endpoint[] {
  const out: Endpoint[] = [];
  if (host === HUB && use === "pull") {
    for (const mirror of settings.mirrors ?? []) out.push(mirrorEndpoint(mirror, settings));
  }
  const name = host === HUB ? HUB_HOST : host;
  const declared = isDeclaredInsecure(name, settings.insecure ?? []);
  const plain = declared || isLoopback(name);
  const tls = tlsOf(name, settings);
  // A CA that was put there for a loopback registry is meant to be checked.
  if (declared || (plain && tls.ca === undefined)) tls.rejectUnauthorized = false;
  out.push({ base: `https://${name}`, tls: withSystemTrust(tls), mirror: false });
  if (plain) out.push({ base: `http://${name}`, tls: {}, mirror: false });
  return out;
}

function mirrorEndpoint(mirror: string, settings: RegistrySettings): Endpoint {
  const url = new URL(mirror);
  const tls = tlsOf(url.host, settings);
  if (isDeclaredInsecure(url.host, settings.insecure ?? [])) tls.rejectUnauthorized = false;
  return { base: mirror.replace(/\/+$/, ""), tls: withSystemTrust(tls), mirror: true };
}

const hostname = (host: string) => host.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, "");

/** True for localhost, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const name = hostname(host);
  return name === "localhost" || name === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

function isDeclaredInsecure(host: string, insecure: readonly string[]): boolean {
  const name = hostname(host);
  return insecure.some((entry) => entry === host || entry === name || inBlock(name, entry));
}

function inBlock(address: string, block: string): boolean {
  const [network = "", bits = ""] = block.split("/");
  const a = ipv4(address);
  const b = ipv4(network);
  const length = Number(bits);
  if (a === undefined || b === undefined || bits === "" || !(length >= 0 && length <= 32)) {
    return false;
  }
  const size = 2 ** (32 - length);
  return Math.floor(a / size) === Math.floor(b / size);
}

function ipv4(text: string): number | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** Reads a registry's folder of certificates, as docker lays it out. */
function tlsOf(host: string, settings: RegistrySettings): TlsOptions {
  const folder = join(settings.certsFolder ?? DEFAULT_CERTS_FOLDER, host);
  const tls: TlsOptions = {};
  if (!existsSync(folder)) return tls;
  const names = readdirSync(folder).sort();
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith(".crt")) tls.ca = [...(tls.ca ?? []), readFileSync(path, "utf8")];
    if (!name.endsWith(".cert")) continue;
    const keyName = name.replace(/\.cert$/, ".key");
    if (!names.includes(keyName)) throw missingKey(path, keyName);
    tls.cert = readFileSync(path, "utf8");
    tls.key = readFileSync(join(folder, keyName), "utf8");
  }
  return tls;
}

const missingKey = (path: string, keyName: string) =>
  failure({
    layer: "registry",
    op: "read certificates",
    code: "failed_precondition",
    message: `missing key ${keyName} for client certificate ${path}`,
    fix: "put the key beside the certificate; CA certificates end in .crt",
    evidence: [{ kind: "path", value: "has no key", ref: path }],
  });

/** What this host trusts is trusted too: a CA of one's own is added, it replaces nothing. */
function withSystemTrust(tls: TlsOptions): TlsOptions {
  if (tls.rejectUnauthorized === false) return tls;
  const bundle = SYSTEM_BUNDLES.find((path) => existsSync(path));
  if (!bundle && tls.ca === undefined) return tls;
  const system = bundle ? [readFileSync(bundle, "utf8")] : [...rootCertificates];
  return { ...tls, ca: [...(tls.ca ?? []), ...system] };
}
