import type { Evidence } from "#lib/errors/frame.ts";
import { closeFile, O, openFile, S_IFDIR, S_IFMT, statFile } from "#lib/linux/file.ts";
import { readAtStart } from "#lib/linux/process.ts";
import type { Operation, Plan } from "#wire/init-pipe/operation.ts";
import type { FoundCause } from "./failure_cause.ts";
import { userLimitCause } from "./user_limit_cause.ts";

type ProgramOperation = Extract<Operation, { op: "find-program" | "execve" | "chdir" }>;

const EM_NAMES: Record<number, string> = {
  3: "i386",
  40: "arm",
  62: "x86-64",
  183: "aarch64",
  243: "riscv",
  22: "s390x",
  21: "ppc64",
};
const HEAD_BYTES = 4096;

/** What of a failed launch says why its program did not run. */
export interface ProgramContext {
  /** Host path of the container's root. */
  root: string;
  run?: { plan: Plan };
}

/** Why a program was not found, could not be run, or has no folder to run in. */
export function programCause(
  context: ProgramContext,
  operation: ProgramOperation,
  errno: string,
): FoundCause {
  if (operation.op === "chdir") return folderCause(context, operation.path, errno);
  const name = operation.op === "execve" ? operation.args[0]! : operation.name;
  if (operation.op === "find-program" && errno === "ENOENT") {
    return {
      evidence: [{ kind: "path", value: "missing", ref: name }],
      words: {
        causeId: "exec-not-found",
        cause: `the image has no program ${name}`,
        fix: "use a program that the image has (often sh), or an image made for debugging",
      },
    };
  }
  if (operation.op === "find-program" && (errno === "EACCES" || errno === "EISDIR")) {
    return notExecutable(context, name);
  }
  if (operation.op !== "execve") return { evidence: [], words: {} };
  return executeCause(context, name, errno);
}

function folderCause(context: ProgramContext, path: string, errno: string): FoundCause {
  if (errno !== "ENOENT" && errno !== "ENOTDIR") return { evidence: [], words: {} };
  return {
    evidence: [{ kind: "path", value: "missing", ref: `${context.root}${path}` }],
    words: {
      causeId: "cwd-missing",
      cause: `the working directory ${path} is missing in the container`,
      fix: "create it in the image, or give another one (-w, WORKDIR)",
    },
  };
}

function notExecutable(context: ProgramContext, name: string): FoundCause {
  const path = `${context.root}/${name}`;
  const stat = name.startsWith("/") ? statFile(path) : undefined;
  const folder = stat !== undefined && (stat.mode & S_IFMT) === S_IFDIR;
  const mode = stat ? (stat.mode & 0o7777).toString(8).padStart(4, "0") : "unknown";
  return {
    evidence: [{ kind: "path", value: folder ? "a folder" : `mode ${mode}`, ref: name }],
    words: {
      causeId: "exec-not-executable",
      cause: folder
        ? `${name} is a folder`
        : `${name} may not be executed by this user (mode ${mode})`,
      fix: folder
        ? "name a program in it"
        : "chmod +x it in the image, or run it by its interpreter",
    },
  };
}

/** execve refused what the search had found. */
function executeCause(context: ProgramContext, name: string, errno: string): FoundCause {
  const path = name.startsWith("/") ? `${context.root}${name}` : undefined;
  const head = path ? readHead(path) : undefined;
  if (errno === "ENOEXEC") return formatCause(name, head);
  if (errno === "ENOENT" && head) return interpreterCause(name, head);
  if (errno === "EACCES") return notExecutable(context, name);
  if (errno === "EAGAIN" && context.run) return userLimitCause(context.run.plan);
  return { evidence: [], words: {} };
}

function readHead(path: string): Buffer | undefined {
  try {
    const fd = openFile(path, O.RDONLY | O.NONBLOCK);
    try {
      const buffer = Buffer.alloc(HEAD_BYTES);
      return buffer.subarray(0, readAtStart(fd, buffer));
    } finally {
      closeFile(fd);
    }
  } catch {
    return undefined;
  }
}

const isElf = (head: Buffer) => head.length >= 20 && head.readUInt32BE(0) === 0x7f454c46;

function formatCause(name: string, head: Buffer | undefined): FoundCause {
  const evidence: Evidence[] = [];
  let what = "is neither an ELF program nor a script with an interpreter line";
  if (head && isElf(head)) {
    const machine = head.readUInt16LE(18);
    const built = EM_NAMES[machine] ?? `machine ${machine}`;
    const host = process.arch === "arm64" ? "aarch64" : "x86-64";
    evidence.push({ kind: "path", value: `ELF for ${built}, host is ${host}`, ref: name });
    what = built === host ? "is a damaged ELF file" : `is built for ${built}, this host is ${host}`;
  } else if (head) {
    evidence.push({
      kind: "path",
      value: `starts with ${head.subarray(0, 8).toString("hex")}`,
      ref: name,
    });
  }
  return {
    evidence,
    words: {
      causeId: "exec-format",
      cause: `${name} ${what}`,
      fix: "use an image for this host's architecture, or begin a script with #! and a program",
    },
  };
}

/** The file is there, but what it names to be run by is not. */
function interpreterCause(name: string, head: Buffer): FoundCause {
  const script = head.toString("latin1").match(/^#!\s*([^\n\s]*)(\r?)/);
  const interpreter = script ? script[1]! : elfInterpreter(head);
  if (!interpreter) return { evidence: [], words: {} };
  const lineEnd =
    script !== null && (script[2] === "\r" || /^#![^\n]*\r\n/.test(head.toString("latin1")));
  const what = lineEnd ? `${interpreter} (with a carriage return)` : interpreter;
  return {
    evidence: [{ kind: "path", value: "missing", ref: interpreter }],
    words: {
      causeId: "bad-interpreter",
      cause: `${name} is there, but its interpreter ${what} is missing in the container`,
      fix: lineEnd
        ? "give the script Unix line ends (dos2unix)"
        : `add ${interpreter} to the image, or build the program statically`,
    },
  };
}

/** PT_INTERP of a 64-bit little-endian ELF file whose headers lie in the first page. */
function elfInterpreter(head: Buffer): string | undefined {
  if (!isElf(head) || head.length < 64 || head[4] !== 2 || head[5] !== 1) return undefined;
  const at = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = Math.min(head.readUInt16LE(56), 64);
  for (let i = 0; i < count; i++) {
    const entry = at + i * size;
    if (entry + 56 > head.length || head.readUInt32LE(entry) !== 3) continue;
    const offset = Number(head.readBigUInt64LE(entry + 8));
    const length = Number(head.readBigUInt64LE(entry + 32));
    return head
      .subarray(offset, offset + length)
      .toString("latin1")
      .replace(/\0.*$/s, "");
  }
  return undefined;
}
