import { type Header, type Pack, pack } from "tar-stream";

const XATTR_PREFIX = "SCHILY.xattr.";

/** What tar-stream's `entry` takes; its types ask for more than it needs. */
export type EntryHeader = Partial<Header> & {
  name: string;
  size: number;
  /** Extended attributes; values are any bytes. */
  xattrs?: ReadonlyMap<string, Buffer>;
};

interface PaxWriter {
  _encodePax(header: EntryHeader & { pax?: Record<string, string> }): void;
  push(chunk: Uint8Array | null): boolean;
}

/**
 * A tar writer that keeps extended attributes as the bytes they are. tar-stream writes extended
 * headers as UTF-8 text, which would damage file capabilities: it is given placeholders of the same
 * length, which are filled with the values before they leave.
 */
export function tarPack(): Pack {
  const archive = pack();
  const writer = archive as unknown as PaxWriter;
  const encode = writer._encodePax.bind(archive);
  writer._encodePax = (header) => {
    const { xattrs } = header;
    if (!xattrs?.size) {
      encode(header);
      return;
    }
    const push = writer.push.bind(archive);
    writer.push = (chunk) => push(chunk && fillValues(chunk, xattrs));
    try {
      encode(header);
    } finally {
      writer.push = push;
    }
  };
  return archive;
}

/** Makes a header that `tarPack` knows to treat so. */
export function entryHeader(header: EntryHeader): Header {
  const { xattrs } = header;
  if (!xattrs?.size) return header as Header;
  const pax: Record<string, string> = {};
  for (const [name, value] of xattrs) pax[XATTR_PREFIX + name] = "x".repeat(value.length);
  return { ...header, pax } as unknown as Header;
}

function fillValues(chunk: Uint8Array, xattrs: ReadonlyMap<string, Buffer>): Uint8Array {
  const block = Buffer.from(chunk);
  for (const [name, value] of xattrs) {
    const key = Buffer.from(` ${XATTR_PREFIX}${name}=`);
    const at = block.indexOf(key);
    if (at >= 0) value.copy(block, at + key.length);
  }
  return block;
}
