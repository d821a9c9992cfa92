import type { Evidence, Frame, Layer } from "./frame.ts";
import { clipMiddle, neutralText } from "./neutral_text.ts";
import { neutralWords } from "./parent_phrases.ts";

const ID_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789";

/** A short id that a person can read out: eight characters without look-alikes. */
function newErrorId(): string {
  let id = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(8)))
    id += ID_ALPHABET[byte % ID_ALPHABET.length];
  return id;
}

/** What the constructor of an error needs of a frame; evidence may be left out. */
export type FrameInit = Omit<Frame, "evidence"> & { evidence?: Evidence[] };

/**
 * An operating error, with one frame for each link it crossed, outermost first.
 *
 * A link that catches one from below adds its frame with `wrap` and never edits those below.
 * Programmer's bugs are not ChainErrors: they crash.
 */
export class ChainError extends Error {
  readonly id: string;
  readonly frames: readonly Frame[];
  /** A failed clean-up after the failure itself; attached, never instead of the cause. */
  cleanup?: ChainError;

  constructor(frames: readonly FrameInit[], options?: { id?: string; cleanup?: ChainError }) {
    if (frames.length === 0) throw new TypeError("a chain error needs at least one frame");
    const whole = frames.map((frame) => ({ ...frame, evidence: frame.evidence ?? [] }));
    const id = options?.id ?? newErrorId();
    super(joinedMessage(whole, id));
    this.name = "ChainError";
    this.id = id;
    this.frames = whole;
    if (options?.cleanup) this.cleanup = options.cleanup;
  }

  /** The outermost frame: its code is what this link answers with. */
  get outer(): Frame {
    return this.frames[0]!;
  }

  /** The innermost frame: where it failed. */
  get root(): Frame {
    return this.frames[this.frames.length - 1]!;
  }

  /** The innermost cause id that any frame carries. */
  get causeId(): string | undefined {
    return deepestWithCause(this.frames)?.causeId;
  }

  /** The words of the frames alone, as genuine tools would print them: no cause, fix or id. */
  get words(): string {
    return frameWords(this.frames);
  }

  /** All evidence, outermost first. */
  get evidence(): Evidence[] {
    return this.frames.flatMap((frame) => frame.evidence);
  }

  /** This failure seen from one link further up. */
  wrap(frame: FrameInit): ChainError {
    const options: { id: string; cleanup?: ChainError } = { id: this.id };
    if (this.cleanup) options.cleanup = this.cleanup;
    return new ChainError([frame, ...this.frames], options);
  }
}

/** Short form for the commonest case: one frame. */
export function failure(frame: FrameInit): ChainError {
  return new ChainError([frame]);
}

/**
 * Makes a ChainError of anything that was thrown. A ChainError is returned as it is; a system
 * error keeps its errno as evidence; anything else becomes an internal error of that layer.
 */
export function toChainError(thrown: unknown, layer: Layer, op: string): ChainError {
  if (thrown instanceof ChainError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const evidence: Evidence[] = [];
  const errno = thrown as { code?: unknown; syscall?: unknown; path?: unknown };
  if (typeof errno.code === "string") {
    const item: Evidence = { kind: "errno", value: errno.code };
    if (typeof errno.path === "string") item.ref = errno.path;
    evidence.push(item);
  }
  if (typeof errno.syscall === "string") evidence.push({ kind: "syscall", value: errno.syscall });
  const error = new ChainError([{ layer, op, code: codeOfErrno(errno.code), message, evidence }]);
  if (thrown instanceof Error && thrown.stack) error.stack = thrown.stack;
  return error;
}

function codeOfErrno(code: unknown): Frame["code"] {
  switch (code) {
    case "ENOENT":
    case "ESRCH":
      return "not_found";
    case "EEXIST":
      return "already_exists";
    case "EACCES":
    case "EPERM":
      return "permission_denied";
    case "EINVAL":
    case "ENAMETOOLONG":
      return "invalid_argument";
    case "EAGAIN":
    case "ENOSPC":
    case "EDQUOT":
    case "EMFILE":
    case "ENFILE":
    case "ENOMEM":
      return "resource_exhausted";
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EPIPE":
      return "unavailable";
    case "ETIMEDOUT":
      return "deadline_exceeded";
    default:
      return "unknown";
  }
}

function deepestWithCause(frames: readonly Frame[]): Frame | undefined {
  return frames.findLast((frame) => frame.causeId !== undefined || frame.cause !== undefined);
}

/** Longer names are clipped in messages; the frames keep them whole. */
const MOST_SHOWN = 2_000;

/** A frame's words as a terminal may be shown them: names in them are anybody's. */
function shownWords(text: string): string {
  return clipMiddle(neutralText(text), MOST_SHOWN);
}

function frameWords(frames: readonly Frame[]): string {
  return frames
    .map((frame) => shownWords(frame.message.replace(/\s*[\r\n]+\s*/g, "; ")))
    .filter((message) => message !== "")
    .join(": ");
}

/**
 * The one line that crosses a wire that carries only text: the frames' words, then cause, fix and
 * the id that `catena explain` resolves.
 */
function joinedMessage(frames: readonly Frame[], id: string): string {
  const words = frameWords(frames);
  const known = deepestWithCause(frames);
  if (!known) return `${words} (catena explain ${id})`;
  const parts = [known.cause, known.fix && `fix: ${known.fix}`].filter(Boolean).join("; ");
  // By its name in the catalogue the cause can be looked up, and is the doctor's word for it too.
  const named = known.causeId === undefined ? "" : `[${known.causeId}] `;
  if (parts === "") return `${words} ${named}(catena explain ${id})`;
  return `${words} — ${neutralWords(shownWords(parts))} ${named}(catena explain ${id})`;
}
