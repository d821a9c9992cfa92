import { neutralText } from "#lib/errors/neutral_text.ts";
import type { AssembledTrace } from "#tools/cli/trace/assemble_trace.ts";

const ROW = 18;
const NAMES = 400;
const BARS = 560;
const MARGIN = 12;
const MAX_NAME = 36;
const NS_PER_MS = 1e6;

/** A colour a link, readable on white and on black. */
const COLOURS: Record<string, string> = {
  cli: "#7a7f87",
  dockerd: "#2f81c7",
  containerd: "#8a63d2",
  shim: "#c2568c",
  runc: "#c9761a",
  init: "#2e9e5b",
};

/** A trace as a picture: a bar a step, to scale, with its link's colour. */
export function drawWaterfallPicture(trace: AssembledTrace, title: string): string {
  const total = trace.endNs - trace.startNs;
  const width = NAMES + BARS + 3 * MARGIN;
  const height = (trace.rows.length + 3) * ROW + 2 * MARGIN;
  const rows = trace.rows.map(({ span, depth }, index) => {
    const y = MARGIN + (index + 2) * ROW;
    const x = NAMES + (BARS * (span.startNs - trace.startNs)) / total;
    const bar = Math.max(1.5, (BARS * Math.max(0, span.endNs - span.startNs)) / total);
    const colour = COLOURS[span.layer] ?? "#7a7f87";
    const text = neutralText(span.name);
    const name = text.length > MAX_NAME ? `${text.slice(0, MAX_NAME - 1)}…` : text;
    const baseline = y + ROW - 5;
    return (
      `<text class="link" x="${MARGIN}" y="${baseline}">${escapeXml(span.layer)}</text>` +
      `<text x="${MARGIN + 78 + 6 * depth}" y="${baseline}">${escapeXml(name)}</text>` +
      `<rect x="${x.toFixed(1)}" y="${y + 3}" width="${bar.toFixed(1)}" height="${ROW - 7}" ` +
      `rx="1.5" fill="${colour}"/>`
    );
  });
  const scale = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = NAMES + BARS * share;
    const label = `${((total * share) / NS_PER_MS).toFixed(1)} ms`;
    return (
      `<line class="grid" x1="${x}" y1="${MARGIN + 2 * ROW}" x2="${x}" y2="${height - MARGIN}"/>` +
      `<text class="scale" x="${x}" y="${MARGIN + 2 * ROW - 6}">${label}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">`,
    STYLE,
    `<rect class="back" width="100%" height="100%"/>`,
    `<text class="title" x="${MARGIN}" y="${MARGIN + 12}">${escapeXml(title)}</text>`,
    ...scale,
    ...rows,
    "</svg>\n",
  ].join("\n");
}

const STYLE =
  "<style>text{font:12px ui-monospace,monospace;fill:#24292f}" +
  ".title{font-weight:bold}.link{fill:#57606a}.scale{fill:#57606a;text-anchor:middle}" +
  ".grid{stroke:#d0d7de}.back{fill:#fff}" +
  "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.link,.scale{fill:#9198a1}" +
  ".grid{stroke:#3d444d}.back{fill:#0d1117}}</style>";

/** Text as XML takes it. */
export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
