import { setTimeout as sleep } from "node:timers/promises";
import { dockerCommand, nameOf } from "../causes/words.ts";
import { dockerRequest } from "../discover/docker_request.ts";
import type { Facts } from "../facts.ts";
import { stretched } from "../host/host_pace.ts";
import type { Attempt, Probe } from "./probe_links.ts";

const TIMEOUT_MS = 8000;
const POLL_MS = 25;
const MAX_POLLS = 120;

/** The Docker Engine API: exec create, start (detached), and its exit code. */
export function probeDocker(facts: Facts, argv: string[]): Probe {
  const socket = facts.docker?.socket ?? "";
  return {
    link: "dockerd",
    command: `${dockerCommand(facts)} exec ${nameOf(facts)} ${argv.join(" ")}`,
    times: 1,
    run: () => exec(socket, facts.id, argv),
  };
}

async function exec(socket: string, id: string, argv: string[]): Promise<Attempt> {
  const started = performance.now();
  const attempt = (part: Partial<Attempt>): Attempt => ({
    ok: false,
    timedOut: false,
    text: "",
    ...part,
    latencyMs: performance.now() - started,
  });
  const created = await dockerRequest(socket, `/containers/${id}/exec`, stretched(TIMEOUT_MS), {
    method: "POST",
    body: { Cmd: argv, AttachStdout: false, AttachStderr: false },
  });
  const execId = (created.json as { Id?: unknown } | undefined)?.Id;
  if (!created.ok || typeof execId !== "string") {
    return attempt({ timedOut: created.timedOut, text: created.error ?? created.text });
  }
  const start = await dockerRequest(socket, `/exec/${execId}/start`, stretched(TIMEOUT_MS), {
    method: "POST",
    body: { Detach: true, Tty: false },
  });
  if (!start.ok) return attempt({ timedOut: start.timedOut, text: start.error ?? start.text });
  for (let poll = 0; poll < stretched(MAX_POLLS); poll++) {
    const seen = await dockerRequest(socket, `/exec/${execId}/json`, stretched(TIMEOUT_MS));
    const { Running, ExitCode } = (seen.json ?? {}) as { Running?: unknown; ExitCode?: unknown };
    if (!seen.ok) return attempt({ timedOut: seen.timedOut, text: seen.error ?? "" });
    if (Running === false && typeof ExitCode === "number") {
      return attempt({ ok: ExitCode === 0, text: `exit code ${ExitCode}`, exitCode: ExitCode });
    }
    await sleep(POLL_MS);
  }
  return attempt({ timedOut: true, text: `no end within ${stretched(MAX_POLLS) * POLL_MS} ms` });
}
