import { readSpool } from "#lib/trace/spool.ts";
import { assembleTraces } from "./assemble_trace.ts";
import { drawWaterfall } from "./draw_waterfall.ts";

/** Daemons and shims gather spans for this long before they write them. */
const FLUSH_MS = 100;
const DEFAULT_WIDTH = 120;

/** `--trace` of exec and run: the waterfall of what was just done, on stderr. */
export async function showTrace(stateDir: string, traceId: string): Promise<void> {
  await Bun.sleep(FLUSH_MS);
  const trace = assembleTraces(readSpool(stateDir)).find((one) => one.traceId === traceId);
  if (!trace) return;
  const terminal = process.stderr.isTTY === true;
  const width = terminal ? process.stderr.columns : DEFAULT_WIDTH;
  process.stderr.write(drawWaterfall(trace, width, terminal && !process.env["NO_COLOR"]));
}
