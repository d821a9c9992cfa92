import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Stdio } from "../stdio/open_streams.ts";

/** What a shim must know of a container that a former shim created. Times and exits: the ledger. */
export interface ContainerRecord {
  version: 1;
  id: string;
  namespace: string;
  bundle: string;
  stdio: Stdio;
  /** BUNDLE/rootfs was mounted by the shim. */
  mounted: boolean;
  runtime: RuntimeChoice;
  /** The init was started: it is no longer `created`. */
  started: boolean;
  /** 0 while create has not finished. */
  pid: number;
}

/** The runtime options of the Create request that matter after it. */
export interface RuntimeChoice {
  /** Empty for our own runtime. */
  binaryName: string;
  /** Folder under which the runtime's root for this namespace lies; empty for the default. */
  root: string;
  systemdCgroup: boolean;
  ioUid: number;
  ioGid: number;
  noPivot: boolean;
  noNewKeyring: boolean;
}

export interface ExecRecord {
  version: 1;
  execId: string;
  token: number;
  stdio: Stdio;
  /** The OCI process object. Whether it was started is for the ledger to say. */
  process?: unknown;
}

/** The folder in a bundle that holds all of a container's state of ours, the keeper's too. */
export function stateFolder(bundle: string): string {
  return join(bundle, "catena");
}

/** Writes a container's record into its bundle, atomically. */
export function writeContainer(record: ContainerRecord): void {
  writeAtomic(join(stateFolder(record.bundle), "container.json"), record);
}

/** Undefined when the bundle holds no container of ours, or a record that does not parse. */
export function readContainer(bundle: string): ContainerRecord | undefined {
  const record = readJson<ContainerRecord>(join(stateFolder(bundle), "container.json"));
  return record?.version === 1 && record.bundle === bundle ? record : undefined;
}

/** Writes an exec's record, atomically. */
export function writeExec(bundle: string, record: ExecRecord): void {
  writeAtomic(execPath(bundle, record.token), record);
}

/** Forgets a deleted exec. */
export function removeExec(bundle: string, token: number): void {
  rmSync(execPath(bundle, token), { force: true });
}

/** All execs of a bundle that were not deleted. */
export function readExecs(bundle: string): ExecRecord[] {
  const folder = stateFolder(bundle);
  const records: ExecRecord[] = [];
  for (const name of readdirSync(folder)) {
    if (!/^exec-\d+\.json$/.test(name)) continue;
    const record = readJson<ExecRecord>(join(folder, name));
    if (record?.version === 1) records.push(record);
  }
  return records;
}

/** Notes that the exit of `token` has reached containerd, so that a later shim stays silent. */
export function noteExitTold(bundle: string, token: number): void {
  try {
    appendFileSync(join(stateFolder(bundle), "told"), `${token}\n`, { mode: 0o600 });
  } catch {
    // The bundle is gone already: nobody will ask.
  }
}

/** The tokens whose exits have reached containerd. */
export function readExitsTold(bundle: string): Set<number> {
  try {
    const text = readFileSync(join(stateFolder(bundle), "told"), "utf8");
    return new Set(text.split("\n").filter(Boolean).map(Number));
  } catch {
    return new Set();
  }
}

/** Bundles beside `bundle` that belong to the shim at `address`. */
export function bundlesOfShim(bundlesFolder: string, address: string): string[] {
  let names: string[];
  try {
    names = readdirSync(bundlesFolder);
  } catch {
    return [];
  }
  return names
    .map((name) => join(bundlesFolder, name))
    .filter((bundle) => readAddress(bundle) === address);
}

/** The shim address that `start` wrote into a bundle. */
export function readAddress(bundle: string): string | undefined {
  try {
    return readFileSync(join(bundle, "address"), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Writes BUNDLE/address, by which containerd finds the shim again; atomically. */
export function writeAddress(bundle: string, address: string): void {
  const path = join(bundle, "address");
  writeFileSync(`${path}.tmp`, address, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function execPath(bundle: string, token: number): string {
  return join(stateFolder(bundle), `exec-${token}.json`);
}

function writeAtomic(path: string, value: unknown): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
