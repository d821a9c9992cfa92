import { closeSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { POLL, poll, SOCK } from "#lib/linux/descriptor.ts";
import { connectUnix, pipe } from "#lib/linux/socket.ts";
import { writeAddress } from "../state/container_record.ts";
import { groupingOf, readAnnotations, shimSocketPath } from "./shim_address.ts";
import type { ShimArguments } from "./shim_arguments.ts";
import { joinShimCgroup, readShimCgroup } from "./shim_cgroup.ts";
import { lockShim } from "./shim_lock.ts";

/** containerd gives up on a shim after its own, longer, time-out. */
const START_TIMEOUT_MS = 20_000;
/** Options are a few hundred bytes. */
const MAX_OPTIONS_BYTES = 1024 * 1024;
const MAX_OOM_SCORE = 1000;
/**
 * Of a shim for a whole namespace there is one: compiled code halves its part of an exec and takes
 * 10 MB. The slowest compiler is left out: it costs more than it gains here.
 */
const SHARED_ENV = { BUN_JSC_useFTLJIT: "0" };
/** Where each pod or container has its own, it starts in half the time without, and stays small. */
const SINGLE_ENV = { BUN_JSC_useJIT: "0" };

/**
 * `start`: finds the shim that is to serve this container, or starts it, writes BUNDLE/address, and
 * prints the address, alone, on stdout (containerd reads stdout and stderr as one text).
 */
export function startCommand(args: ShimArguments): void {
  const bundle = process.cwd();
  const { namespace, id } = args;
  const folder = statSync(dirname(bundle)).ino;
  const annotations = readAnnotations(bundle);
  const path = shimSocketPath(args.address, namespace, folder, id, annotations, process.env);
  const address = `unix://${path}`;
  const unlock = lockShim(path, true);
  try {
    // Written first: a shim that is about to end looks for bundles that name it.
    writeAddress(bundle, address);
    if (!accepts(path)) {
      rmSync(path, { force: true });
      const shared = groupingOf(annotations, process.env) === "namespace";
      startShim(args, bundle, path, shared ? SHARED_ENV : SINGLE_ENV);
    }
  } finally {
    unlock?.();
  }
  process.stdout.write(bootstrap(address, process.env["MAX_SHIM_VERSION"]));
}

/** containerd 2.x says which versions it takes and reads JSON; older ones read a bare address. */
export function bootstrap(address: string, maxVersion: string | undefined): string {
  const version = Number(maxVersion ?? 0);
  if (!(version >= 3)) return address;
  return JSON.stringify({ version: 3, address, protocol: "ttrpc" });
}

function accepts(path: string): boolean {
  try {
    closeSync(connectUnix(SOCK.STREAM, path));
    return true;
  } catch (thrown) {
    // Only these two say that nobody listens; a second shim beside a living one would be worse.
    const { code } = thrown as { code?: string };
    if (code === "ENOENT" || code === "ECONNREFUSED") return false;
    throw thrown;
  }
}

function startShim(
  args: ShimArguments,
  bundle: string,
  path: string,
  engine: Record<string, string>,
): void {
  const cgroup = readShimCgroup(readOptions());
  const [ready, signal] = pipe();
  const argv = ["-namespace", args.namespace, "-id", args.id, "-address", args.address];
  argv.push("-bundle", bundle, "-socket", path);
  if (args.debug) argv.push("-debug");
  // Our own containerd says so; a genuine one lets a lost shim's containers be deleted.
  if (process.env["CATENA_RESTARTS_SHIMS"] !== "1") argv.push("-warded");
  try {
    const child = Bun.spawn([process.execPath, ...argv], {
      argv0: "containerd-shim-catena-v2",
      cwd: "/",
      // A session of its own: signals to containerd's group are not for it.
      detached: true,
      env: childEnv(engine),
      stdio: ["ignore", "ignore", "ignore", signal],
    });
    child.unref();
    closeSync(signal);
    adjustOomScore(child.pid);
    if (cgroup) joinShimCgroup(cgroup, child.pid);
    awaitReady(ready, path);
  } finally {
    closeSync(ready);
  }
}

/** The serving shim writes "ok" once it listens, or why it cannot, and closes the pipe. */
function awaitReady(ready: number, path: string): void {
  const [events] = poll([ready, POLL.IN], START_TIMEOUT_MS);
  const text = events ? readFileSync(ready, "utf8") : "";
  if (text === "ok") return;
  throw failure({
    layer: "shim",
    op: "start",
    code: events ? "internal" : "deadline_exceeded",
    message: text || "the serving shim ended without a word",
    evidence: [{ kind: "path", value: "shim socket", ref: path }],
  });
}

/** containerd writes the runtime options to our stdin, an Any; nothing when there are none. */
function readOptions() {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(0);
  } catch {
    return undefined;
  }
  if (bytes.length === 0 || bytes.length > MAX_OPTIONS_BYTES) return undefined;
  try {
    return fromBinary(AnySchema, bytes);
  } catch (thrown) {
    throw toChainError(thrown, "shim", "start").wrap({
      layer: "shim",
      op: "start",
      code: "invalid_argument",
      message: "the runtime options on stdin do not decode",
    });
  }
}

/** One more than containerd's own: under memory pressure the shim goes first. */
function adjustOomScore(pid: number): void {
  try {
    const parent = Number(readFileSync(`/proc/${process.ppid}/oom_score_adj`, "utf8"));
    const score = Math.min(parent + 1, MAX_OOM_SCORE);
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
  } catch {
    // Lowering it needs CAP_SYS_RESOURCE; the inherited score is the parent's, close enough.
  }
}
