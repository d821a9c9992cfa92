import type { Cast } from "./terminal_cast.ts";
import { escapeXml } from "./waterfall_picture.ts";

/** Text of one colour in a line of the screen. */
interface Piece {
  text: string;
  style: string;
}

interface ScreenLine {
  /** When its first piece was shown, in seconds. */
  at: number;
  pieces: Piece[];
}

const CELL = 7.82;
const LINE = 18;
const MARGIN = 14;
const BAR = 30;
/** The colours of SGR 30 to 37, on the dark ground of the picture. */
const COLOURS = ["k", "r", "g", "y", "b", "m", "c", "w"];

/** A cast as a picture that plays by itself: each line appears when it did. */
export function drawCastPicture(cast: Cast): string {
  const lines = screenLines(cast);
  const width = Math.round(cast.size.columns * CELL + 2 * MARGIN);
  const height = lines.length * LINE + 2 * MARGIN + BAR;
  const drawn = lines.map(({ at, pieces }, index) => {
    const y = BAR + MARGIN + (index + 1) * LINE - 5;
    let column = 0;
    const spans = pieces.map(({ text, style }) => {
      const x = (MARGIN + column * CELL).toFixed(1);
      column += [...text].length;
      const name = style === "" ? "" : ` class="${style}"`;
      return `<tspan x="${x}"${name}>${escapeXml(text)}</tspan>`;
    });
    return `<text y="${y}" style="animation-delay:${at}s">${spans.join("")}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(cast.title)}">`,
    STYLE,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117" stroke="#3d444d"/>`,
    `<circle cx="18" cy="16" r="5" fill="#f85149"/><circle cx="36" cy="16" r="5" fill="#d29922"/>` +
      `<circle cx="54" cy="16" r="5" fill="#3fb950"/>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

const STYLE =
  "<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#e6edf3;" +
  "white-space:pre}@keyframes s{to{opacity:1}}" +
  // What does not play, or may not, shows it whole.
  "@media(prefers-reduced-motion:no-preference){text{opacity:0;animation:s 0s linear forwards}}" +
  ".bold{font-weight:bold}.dim{opacity:.7}.k{fill:#8b949e}.r{fill:#ff7b72}.g{fill:#56d364}" +
  ".y{fill:#e3b341}.b{fill:#79c0ff}.m{fill:#d2a8ff}.c{fill:#76e3ea}.w{fill:#f0f6fc}</style>";

/** Plays the output into lines, wrapped at the terminal's edge. Knows colours, no cursor moves. */
function screenLines({ size, events }: Cast): ScreenLine[] {
  const lines: ScreenLine[] = [];
  let line: ScreenLine | undefined;
  let column = 0;
  let style: string[] = [];
  for (const [at, , output] of events) {
    for (const token of output.split(/(\x1b\[[0-9;]*m|\r\n|\n)/)) {
      const sgr = /^\x1b\[([0-9;]*)m$/.exec(token);
      if (sgr) style = restyle(style, sgr[1]!);
      else if (token === "\r\n" || token === "\n") {
        if (!line) lines.push({ at, pieces: [] });
        line = undefined;
        column = 0;
      } else {
        for (const character of token) {
          if (!line || column >= size.columns) {
            line = { at, pieces: [] };
            lines.push(line);
            column = 0;
          }
          addCharacter(line, character, style.join(" "));
          column += 1;
        }
      }
    }
  }
  return lines;
}

function addCharacter({ pieces }: ScreenLine, character: string, style: string): void {
  const last = pieces.at(-1);
  if (last?.style === style) last.text += character;
  else pieces.push({ text: character, style });
}

function restyle(style: string[], codes: string): string[] {
  let out = style;
  for (const code of codes.split(";").map(Number)) {
    if (code === 0) out = [];
    else if (code === 1) out = [...out, "bold"];
    else if (code === 2) out = [...out, "dim"];
    else if (code >= 30 && code <= 37) {
      out = [...out.filter((name) => !COLOURS.includes(name)), COLOURS[code - 30]!];
    }
  }
  return out;
}
