import { posix } from "node:path";
import type { ProgramFacts } from "../facts.ts";
import { readElf } from "../host/elf_header.ts";
import type { HostFiles } from "../host/host_files.ts";
import { lookupInRootfs } from "../host/rootfs_lookup.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const HEAD_BYTES = 4096;
const MAX_PASSWD_BYTES = 1024 * 1024;

export interface ProgramRequest {
  argv: string[];
  user: string;
  cwd?: string;
  tty: boolean;
  env: string[];
}

/** Looks up in a rootfs all that `execve` of one program will need: file, loader, user, folder. */
export function collectProgram(
  files: HostFiles,
  rootfs: string,
  request: ProgramRequest,
): ProgramFacts {
  const name = request.argv[0] ?? "";
  const path = request.env.find((one) => one.startsWith("PATH="))?.slice("PATH=".length);
  const searched = name.includes("/")
    ? [posix.resolve(request.cwd ?? "/", name)]
    : (path ?? DEFAULT_PATH).split(":").map((folder) => posix.join(folder || ".", name));
  const facts: ProgramFacts = {
    argv: request.argv,
    user: request.user,
    tty: request.tty,
    rootfs,
    searched,
    userKnown: userKnown(files, rootfs, request.user),
    cwdKind: cwdKind(files, rootfs, request.cwd),
  };
  if (request.cwd !== undefined) facts.cwd = request.cwd;
  addFile(files, facts);
  return facts;
}

/** As execvp: the first that is there; one that may be executed before one that may not. */
function addFile(files: HostFiles, facts: ProgramFacts): void {
  const entries = facts.searched
    .map((path) => lookupInRootfs(files, facts.rootfs, path))
    .filter((entry) => entry !== undefined);
  const executable = (entry: { stat: { mode: number; isFile(): boolean } }) =>
    entry.stat.isFile() && (entry.stat.mode & 0o111) !== 0;
  const entry = entries.find(executable) ?? entries[0];
  if (!entry) return;
  const head = files.bytes(facts.rootfs + entry.path, HEAD_BYTES) ?? Buffer.alloc(0);
  facts.found = {
    path: entry.path,
    mode: entry.stat.mode & 0o7777,
    isFolder: entry.stat.isDirectory(),
    size: entry.stat.size,
    head,
  };
  const elf = readElf(head);
  const script =
    head.subarray(0, 2).toString("latin1") === "#!" ? scriptInterpreter(head) : undefined;
  const interpreter = script ?? elf?.interpreter;
  if (interpreter !== undefined) {
    facts.interpreter = {
      name: interpreter,
      exists: lookupInRootfs(files, facts.rootfs, interpreter) !== undefined,
    };
  }
  const host = readElf(files.bytes("/proc/self/exe", HEAD_BYTES) ?? Buffer.alloc(0));
  if (elf && host) facts.machine = { file: elf.machine, host: host.machine };
}

/** The word after "#!". A carriage return stays in it, as the kernel sees it. */
function scriptInterpreter(head: Buffer): string | undefined {
  const line = head.toString("latin1").split("\n", 1)[0]!.slice(2);
  return line.replace(/^[ \t]+/, "").split(/[ \t]/, 1)[0] || undefined;
}

function userKnown(files: HostFiles, rootfs: string, user: string): boolean {
  const [name, group] = user.split(":");
  return inTable("passwd", name ?? "") && inTable("group", group ?? "");

  function inTable(table: string, word: string): boolean {
    if (word === "" || /^[0-9]+$/.test(word)) return true;
    const entry = lookupInRootfs(files, rootfs, `/etc/${table}`);
    const text = entry ? files.read(rootfs + entry.path, MAX_PASSWD_BYTES) : undefined;
    return (text ?? "").split("\n").some((line) => line.startsWith(`${word}:`));
  }
}

function cwdKind(
  files: HostFiles,
  rootfs: string,
  cwd: string | undefined,
): ProgramFacts["cwdKind"] {
  if (cwd === undefined || cwd === "") return "not-asked";
  const entry = lookupInRootfs(files, rootfs, cwd);
  if (!entry) return "missing";
  return entry.stat.isDirectory() ? "folder" : "other";
}
