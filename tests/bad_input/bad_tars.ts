/** Archives that nobody should unpack, made by hand so that no writer of tars corrects them. */
export const BAD_TARS: { what: string; bytes: Uint8Array }[] = [
  {
    what: "a tar that is cut off in a header",
    bytes: entry("file", "x".repeat(600)).slice(0, 200),
  },
  {
    what: "a tar that is cut off in a file",
    bytes: entry("file", "x".repeat(6000)).slice(0, 1500),
  },
  { what: "a tar whose checksum is wrong", bytes: withWrongChecksum(entry("file", "text")) },
  { what: "text instead of a tar", bytes: Buffer.from("this is no tar\n".repeat(100)) },
];

/** A tar of one file whose name climbs out of the folder it is unpacked in. */
export function climbingTar(name: string): Uint8Array {
  return Buffer.concat([entry(name, "escaped"), Buffer.alloc(1024)]);
}

function withWrongChecksum(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.write("0000001\0", 148);
  return copy;
}

/** Header and content of one plain file, as POSIX.1-1988 lays them out. */
function entry(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  padded.write(content);
  return Buffer.concat([header, padded]);
}
