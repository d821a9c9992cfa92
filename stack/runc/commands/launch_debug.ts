import type { SpanRecord } from "#lib/trace/span.ts";
import type { Launched } from "../process/launch_types.ts";
import type { RuntimeContext } from "./runtime_context.ts";

const NS_PER_US = 1000;

/** One line a span: what init did, and how long it took. */
function logSpans(debug: (message: string) => void, spans: SpanRecord[]): void {
  for (const { name, startNs, endNs } of spans) {
    debug(`init: ${name}: ${Math.round((endNs - startNs) / NS_PER_US)} us`);
  }
}

/**
 * Follows a creation in the debug log. The milestones have the words that tools which read runc's
 * debug log look for: namespaces are set up, init is in them, and it waits for its start.
 */
export function logCreateStages(context: RuntimeContext, launched: Launched): void {
  const { debug } = context;
  if (!debug) return;
  debug("nsexec container setup");
  debug("child process in init()");
  logSpans(debug, launched.spans);
  debug("init: closing the pipe to signal completion");
}

/** The same for an exec, which ends with execve. */
export function logExecStages(context: RuntimeContext, launched: Launched): void {
  const { debug } = context;
  if (!debug) return;
  debug("nsexec container setup");
  debug("child process in init()");
  logSpans(debug, launched.spans);
  debug("setns_init: about to exec");
}
