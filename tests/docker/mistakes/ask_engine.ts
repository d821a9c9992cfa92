import { normalizedAnswer } from "../../lib/cli_answers.ts";

/** How an engine answered: its status and what it said. */
export interface EngineAnswer {
  status: number;
  body: string;
}

const LIMIT_MS = 60_000;

/**
 * Sends one line to an engine: `METHOD /path` and, after a blank, a JSON body (or any text, with
 * which it is no JSON).
 */
export async function ask(socket: string, line: string): Promise<EngineAnswer> {
  const [method = "", path = "", ...rest] = line.split(" ");
  const body = rest.join(" ");
  const response = await fetch(`http://docker${path}`, {
    unix: socket,
    method,
    signal: AbortSignal.timeout(LIMIT_MS),
    ...(body === "" ? {} : { body, headers: { "Content-Type": "application/json" } }),
  });
  return { status: response.status, body: method === "HEAD" ? "" : await response.text() };
}

/** A refusal without ids and what ours adds to its words; of a success, the status alone. */
export function refusal({ status, body }: EngineAnswer): string {
  if (status < 400) return String(status);
  let message = body;
  try {
    message = (JSON.parse(body) as { message: string }).message;
  } catch {
    // It is no document: compared as it is.
  }
  return `${status} ${normalizedAnswer(message.trim()).replace(/\b[0-9a-f]{12}\b/g, "SHORT")}`;
}
