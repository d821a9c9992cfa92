import { readdirSync } from "node:fs";
import { recordsFolder } from "#lib/errors/error_record.ts";
import { DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import { readSpool } from "#lib/trace/spool.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import { assembleTraces } from "../trace/assemble_trace.ts";
import type { NameKind } from "./complete_words.ts";

/** Who presses Tab does not wait for a daemon that hangs. */
const ASK_MS = 1_000;
const MAX_NAMES = 1_000;
/** What a shell can take as it is; docker names containers and images no other way. */
const PLAIN = /^[\w][\w./:@-]*$/;
const GENUINE_SOCKETS = ["/run/docker.sock"];

/** Names for completion, of the daemon that the words before name; none where nobody answers. */
export async function knownNames(kind: NameKind, words: string[]): Promise<string[]> {
  const state = flagValue(words, "--state") ?? DEFAULT_STATE_DIR;
  const found = await lookUp(kind, state, words).catch(() => []);
  return [...new Set(found)].filter((name) => PLAIN.test(name)).slice(0, MAX_NAMES);
}

async function lookUp(kind: NameKind, state: string, words: string[]): Promise<string[]> {
  if (kind === "failure") {
    return readdirSync(recordsFolder(state))
      .filter((name) => name.endsWith(".json"))
      .map((name) => name.slice(0, -".json".length));
  }
  if (kind === "trace") return assembleTraces(readSpool(state)).map(({ traceId }) => traceId);
  const named = flagValue(words, "--docker")?.replace(/^unix:\/\//, "");
  const ours = `${state}/docker.sock`;
  // These work on any stack, so they complete any stack's names.
  const anyStack = words[0] === "doctor" || words[0] === "exec";
  const sockets = named ? [named] : anyStack ? [ours, ...GENUINE_SOCKETS] : [ours];
  const lists = await Promise.all(
    sockets.map((socket) => namesAt(socket, kind).catch((): string[] => [])),
  );
  return lists.flat();
}

async function namesAt(socket: string, kind: "container" | "image"): Promise<string[]> {
  const engine = connectDocker(socket);
  const context = { signal: AbortSignal.timeout(ASK_MS) };
  if (kind === "image") {
    const images = await engine.imageList({ all: false, filters: {}, digests: false }, context);
    return images.flatMap(({ RepoTags }) => RepoTags ?? []);
  }
  const options = { all: true, limit: 0, size: false, filters: {} };
  const containers = await engine.containerList(options, context);
  return containers.flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, "")));
}

function flagValue(words: string[], flag: string): string | undefined {
  const at = words.indexOf(flag);
  if (at >= 0) return words[at + 1];
  return words.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
}
