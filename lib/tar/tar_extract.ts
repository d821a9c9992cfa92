import { type Extract, extract, type Header as Headers } from "tar-stream";

/** A tar header with what the archive's extended headers say. */
export interface TarHeader {
  name: string;
  type: string;
  linkname: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  deviceMajor: number;
  deviceMinor: number;
  /** Modification time; nanoseconds where the archive has them. */
  mtime: { seconds: number; nanoseconds: number };
  /** Extended attributes; values are any bytes. */
  xattrs: Map<string, Buffer>;
}

const XATTR_PREFIX = "SCHILY.xattr.";
const NS_DIGITS = 9;

interface PaxReader {
  _header: { type: string } | null;
  _decodeLongHeader(block: Buffer): void;
}

/**
 * A tar parser that keeps extended attributes as the bytes they are: tar-stream decodes extended
 * headers as UTF-8, which would damage file capabilities. Call `take` for each entry's header.
 */
export function tarExtract(): { stream: Extract; take(headers: Headers): TarHeader } {
  const stream = extract();
  let xattrs = new Map<string, Buffer>();
  const reader = stream as unknown as PaxReader;
  const decode = reader._decodeLongHeader.bind(stream);
  reader._decodeLongHeader = (block) => {
    if (reader._header?.type === "pax-header") xattrs = readXattrs(block);
    decode(block);
  };
  const take = (headers: Headers): TarHeader => {
    const header = headerOf(headers, xattrs);
    xattrs = new Map();
    return header;
  };
  return { stream, take };
}

function headerOf(headers: Headers, xattrs: Map<string, Buffer>): TarHeader {
  const pax = (headers.pax ?? {}) as Record<string, string>;
  const devices = headers as { devmajor?: number; devminor?: number };
  return {
    name: headers.name,
    type: headers.type ?? "file",
    linkname: headers.linkname ?? "",
    mode: headers.mode ?? 0,
    uid: whole(pax["uid"]) ?? headers.uid ?? 0,
    gid: whole(pax["gid"]) ?? headers.gid ?? 0,
    size: headers.size ?? 0,
    deviceMajor: devices.devmajor ?? 0,
    deviceMinor: devices.devminor ?? 0,
    mtime: paxTime(pax["mtime"]) ?? {
      seconds: Math.floor((headers.mtime?.getTime() ?? 0) / 1000),
      nanoseconds: 0,
    },
    xattrs,
  };
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A PAX time: decimal seconds, perhaps negative, perhaps with a fraction. */
function paxTime(text: string | undefined): TarHeader["mtime"] | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? "");
  if (!match) return undefined;
  const [, sign, digits, fraction = ""] = match;
  const nanoseconds = Number(fraction.slice(0, NS_DIGITS).padEnd(NS_DIGITS, "0"));
  const seconds = Number(digits);
  if (!sign) return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}

/** Reads the records "LENGTH KEY=VALUE\n" of an extended header that are extended attributes. */
function readXattrs(block: Buffer): Map<string, Buffer> {
  const out = new Map<string, Buffer>();
  for (let at = 0; at < block.length; ) {
    const space = block.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(block.toString("latin1", at, space));
    if (!(length > 0)) break;
    const record = block.subarray(space + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    const key = record.toString("utf8", 0, Math.max(equals, 0));
    if (key.startsWith(XATTR_PREFIX)) {
      out.set(key.slice(XATTR_PREFIX.length), Buffer.from(record.subarray(equals + 1)));
    }
    at += length;
  }
  return out;
}
