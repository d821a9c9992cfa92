import { binPath } from "#lib/install/install_paths.ts";
import { runCommand } from "../lib/command.ts";
import type { FaultRow } from "./fault_row.ts";
import type { FaultStack } from "./fault_stack.ts";

/** A stopped shim or keeper is given up within this, on a busy machine too. */
const REQUEST_MS = 60_000;

/** What our own stack's errors said of a fault when it struck a client's request. */
export interface OwnError {
  /** Cause ids in the text that docker's CLI printed. */
  docker: string[];
  /** The same of `catena exec`; undefined where the request is no exec. */
  catena: string[] | undefined;
  /** The cause ids of the frames that are kept by the ids in these texts. */
  frames: string[];
  text: string;
}

/** Has a client ask our stack for what the row's fault breaks; returns what it was told. */
export async function ownError(
  stack: FaultStack,
  row: Pick<FaultRow, "request">,
  container: string,
): Promise<OwnError> {
  const request = (row.request ?? ["exec", "NAME", "true"]).map((word) =>
    word === "NAME" ? container : word,
  );
  const limit = { timeoutMs: REQUEST_MS };
  const docker = await stack.docker(limit, ...request);
  const said = docker.stdout + docker.stderr;
  const state = stack.sandbox.path("catena-daemon", "state");
  const out: OwnError = { docker: idsOf(said), catena: undefined, frames: [], text: said };
  if (request[0] === "exec") {
    const argv = [binPath("catena"), "exec", "--state", state, ...request.slice(1)];
    const { stdout, stderr } = await runCommand(argv, limit);
    out.catena = idsOf(stdout + stderr);
    out.text += stdout + stderr;
  }
  for (const [, id] of out.text.matchAll(/catena explain ([a-z0-9]+)\)/g)) {
    const argv = [binPath("catena"), "explain", "--state", state, "--json", id!];
    const { stdout } = await runCommand(argv);
    for (const [, causeId] of stdout.matchAll(/"causeId": ?"([a-z-]+)"/g)) {
      out.frames.push(causeId!);
    }
  }
  return out;
}

function idsOf(text: string): string[] {
  return [...text.matchAll(/\[([a-z-]+)\] \(catena explain /g)].map(([, id]) => id!);
}

/** What is wrong with these errors, where each should carry `causeId`; "" for nothing. */
export function judgeOwnError(own: OwnError, causeId: string): string {
  const wrong = (ids: string[]) => ids.length === 0 || ids.some((id) => id !== causeId);
  const told = own.text.replace(/\s+/g, " ").slice(0, 300);
  if (wrong(own.docker)) return `docker was told ${own.docker.join() || "no cause"}: ${told}`;
  if (own.catena && wrong(own.catena)) {
    return `catena exec was told ${own.catena.join() || "no cause"}: ${told}`;
  }
  // Who has no descriptor left cannot write a record either: the text is all there is.
  if (causeId.endsWith("-nofile") && own.frames.length === 0) return "";
  if (wrong(own.frames)) return `frames say ${own.frames.join() || "no cause"}: ${told}`;
  return "";
}
