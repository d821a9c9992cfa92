import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { type DeleteResponse, DeleteResponseSchema } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import { spawnFailed } from "#lib/errors/spawn_cause.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { errorFromText } from "#lib/rpc/status_codec.ts";
import { formatTraceparent, type TraceContext } from "#lib/trace/span.ts";
import type { Bundle } from "./bundle.ts";
import { isOurs } from "./runtime_path.ts";

/** How shims reach this daemon. */
export interface DaemonAddresses {
  /** Our gRPC socket. */
  grpc: string;
  /** Our ttrpc socket, for events. */
  ttrpc: string;
}

/** Where a shim listens and which version of the Task service it speaks. */
export interface ShimAddress {
  path: string;
  version: 2 | 3;
}

const START_MS = 30_000;
const DELETE_MS = 10_000;
/** What a shim may print: an address, or an error with a stack. */
const MAX_OUTPUT_BYTES = 256 * 1024;

/** Runs `SHIM … start` in the bundle. Returns where the shim listens. */
export async function startShim(
  binary: string,
  bundle: Bundle,
  addresses: DaemonAddresses,
  options: { runtimeOptions: Any | undefined; trace: TraceContext | undefined; debug: boolean },
): Promise<ShimAddress> {
  const args = ["-id", bundle.id, ...(options.debug ? ["-debug"] : []), "start"];
  const { runtimeOptions } = options;
  const stdin = runtimeOptions ? toBinary(AnySchema, runtimeOptions) : undefined;
  const result = await runShim(binary, bundle, addresses, args, {
    stdin,
    trace: options.trace,
    timeoutMs: START_MS,
  });
  // Errors and the address come over both streams, as containerd reads them.
  const text = (result.stdout.toString("utf8") + result.stderr).trim();
  if (result.code !== 0) throw exited("shim.start", text, result.code, binary);
  return parseAddress(text, binary);
}

/** Runs `SHIM … delete`: cleans up after a shim that is gone. Returns how the container ended. */
export async function deleteThroughShim(
  binary: string,
  bundle: Bundle,
  addresses: DaemonAddresses,
): Promise<DeleteResponse> {
  const args = ["-id", bundle.id, "-bundle", bundle.path, "delete"];
  const result = await runShim(binary, bundle, addresses, args, {
    stdin: undefined,
    trace: undefined,
    timeoutMs: DELETE_MS,
  });
  if (result.code !== 0) throw exited("shim.delete", result.stderr.trim(), result.code, binary);
  return fromBinary(DeleteResponseSchema, result.stdout);
}

/** Reads what `start` printed: an address, or (2.x) JSON with version, address and protocol. */
export function parseAddress(text: string, binary: string): ShimAddress {
  let address = text;
  let version = 2;
  if (text.startsWith("{")) {
    const given = parseJson(text);
    address = typeof given["address"] === "string" ? given["address"] : "";
    version = typeof given["version"] === "number" ? given["version"] : 2;
    const protocol = given["protocol"] ?? "ttrpc";
    if (protocol !== "ttrpc") throw unusable(binary, `protocol ${String(protocol)}`);
  }
  const match = /^(?:unix:\/\/)?(\/[^\0\n]+)$/.exec(address);
  if (!match || (version !== 2 && version !== 3)) throw unusable(binary, text.slice(0, 200));
  return { path: match[1]!, version };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function unusable(binary: string, text: string) {
  return failure({
    layer: "containerd",
    op: "shim.start",
    code: "unknown",
    message: `${binary} start printed no address to connect to: ${JSON.stringify(text)}`,
  });
}

function exited(op: string, text: string, code: number, binary: string): ChainError {
  const inner = errorFromText(text === "" ? "no output" : text, {
    layer: "shim",
    op,
    code: "unknown",
    evidence: [{ kind: "exit", value: `exit status ${code}`, ref: binary }],
  });
  return inner;
}

interface ShimOutput {
  code: number;
  stdout: Buffer;
  stderr: string;
}

async function runShim(
  binary: string,
  bundle: Bundle,
  addresses: DaemonAddresses,
  args: string[],
  run: { stdin: Uint8Array | undefined; trace: TraceContext | undefined; timeoutMs: number },
): Promise<ShimOutput> {
  const extra: Record<string, string> = {
    TTRPC_ADDRESS: addresses.ttrpc,
    // The events of one connection are taken as they come: our shim need not wait for each answer.
    CATENA_ORDERED_EVENTS: "1",
    GOMAXPROCS: "2",
    // `start` and `delete` of ours end before a compiler pays; no foreign shim knows this.
    BUN_JSC_useJIT: "0",
  };
  // A lost shim that we know as ours is started again by us: it needs no warden.
  if (isOurs(binary)) extra["CATENA_RESTARTS_SHIMS"] = "1";
  if (run.trace) extra["TRACEPARENT"] = formatTraceparent(run.trace);
  const argv = [binary, "-namespace", bundle.namespace, "-address", addresses.grpc];
  let child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  try {
    child = Bun.spawn([...argv, "-publish-binary", process.execPath, ...args], {
      cwd: bundle.path,
      env: childEnv(extra),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (error) {
    throw spawnFailed(error, "containerd", "shim.spawn");
  }
  void feed(child.stdin, run.stdin);
  const timer = setTimeout(() => child.kill("SIGKILL"), run.timeoutMs);
  try {
    const [stdout, stderr, code] = await Promise.all([
      readAll(child.stdout),
      readAll(child.stderr),
      child.exited,
    ]);
    if (child.signalCode === "SIGKILL") {
      throw new ChainError([
        {
          layer: "containerd",
          op: "shim.spawn",
          code: "deadline_exceeded",
          message: `${binary} ${args.at(-1)} did not end within ${run.timeoutMs} ms`,
          evidence: [{ kind: "exit", value: "killed with SIGKILL", ref: binary }],
        },
      ]);
    }
    return { code, stdout, stderr: stderr.toString("utf8") };
  } finally {
    clearTimeout(timer);
  }
}

/** Writes stdin through a pipe: a buffer would stay open until the garbage collector comes. */
async function feed(sink: Bun.FileSink, data: Uint8Array | undefined): Promise<void> {
  try {
    if (data) await sink.write(data);
    await sink.end();
  } catch {
    // It ended without reading its options; its exit code and words tell why.
  }
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (length < MAX_OUTPUT_BYTES) chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}
