import type { ChainError } from "#lib/errors/chain_error.ts";
import { chainErrorToJson } from "#lib/errors/error_json.ts";
import { findErrorRecord } from "#lib/errors/error_record.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { neutralJson, neutralText } from "#lib/errors/neutral_text.ts";

export interface ExplainFlags {
  state: string;
  json?: boolean;
}

/** The links in the order in which a request passes them. */
const DRAWN: readonly Layer[] = [
  "cli",
  "dockerd",
  "containerd",
  "shim",
  "runc",
  "init",
  "kernel",
  "container",
];

/** `catena explain ID`: a recorded failure, whole. Returns the exit code. */
export function runExplain(id: string, flags: ExplainFlags): number {
  const record = findErrorRecord(flags.state, id);
  if (!record) {
    process.stderr.write(
      `catena explain: no failure ${neutralText(id)} is recorded in ${flags.state}/errors\n` +
        "next: catena doctor NAME looks at the container as it is now\n",
    );
    return 1;
  }
  if (flags.json) {
    const body = { time: record.time, chain: chainErrorToJson(record.error) };
    process.stdout.write(`${neutralJson(body, 2)}\n`);
    return 0;
  }
  const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];
  process.stdout.write(explainError(record.error, record.time, colour));
  return 0;
}

/** Draws the chain with the link that failed, then frames, evidence, cause and fix. */
export function explainError(error: ChainError, time: string, colour: boolean): string {
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
  const red = (text: string) => (colour ? `\x1b[31m${text}\x1b[0m` : text);
  const failed = error.root.layer;
  const crossed = new Set(error.frames.map((frame) => frame.layer));
  const links = DRAWN.filter((layer) => crossed.has(layer) || layer === failed);
  const drawn = links.map((layer) => (layer === failed ? red(`✗ ${layer}`) : `✓ ${layer}`));
  const lines = [`${bold(`failure ${error.id}`)}  ${time}`, "", `  ${drawn.join(" → ")}`, ""];
  const known = error.frames.findLast((frame) => frame.cause !== undefined || frame.causeId);
  if (known) {
    lines.push(`${bold("cause")}     ${known.causeId ?? "unnamed"}, at: ${known.layer}`);
    if (known.cause) lines.push(`          ${neutralText(known.cause)}`);
    if (known.fix) lines.push("", `${bold("fix")}       ${neutralText(known.fix)}`);
    lines.push("");
  }
  lines.push(bold("frames"));
  error.frames.forEach((frame, index) => {
    const indent = "  ".repeat(index + 1);
    lines.push(
      `${indent}${frame.layer} ${neutralText(frame.op)} (${frame.code}): ` +
        `${neutralText(frame.message)}`,
    );
    for (const item of frame.evidence) {
      const where = item.ref ? `  [${neutralText(item.ref)}]` : "";
      lines.push(`${indent}  ${item.kind}: ${neutralText(item.value)}${where}`);
    }
  });
  if (error.cleanup) {
    lines.push("", bold("the clean-up after it failed too"));
    lines.push(`  ${neutralText(error.cleanup.message)}`);
  }
  return `${lines.join("\n")}\n`;
}
