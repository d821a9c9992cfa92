import type { Stats } from "node:fs";

/** Bits of Go's os.FileMode, in which the API tells modes. */
const GO = {
  dir: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  pipe: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  charDevice: 2 ** 21,
  sticky: 2 ** 20,
};

/** A mode as Go's os.FileMode has it. */
export function goFileMode(stats: Stats): number {
  let mode = stats.mode & 0o777;
  if (stats.isDirectory()) mode += GO.dir;
  if (stats.isSymbolicLink()) mode += GO.symlink;
  if (stats.isBlockDevice()) mode += GO.device;
  if (stats.isCharacterDevice()) mode += GO.device + GO.charDevice;
  if (stats.isFIFO()) mode += GO.pipe;
  if (stats.isSocket()) mode += GO.socket;
  if (stats.mode & 0o4000) mode += GO.setuid;
  if (stats.mode & 0o2000) mode += GO.setgid;
  if (stats.mode & 0o1000) mode += GO.sticky;
  return mode;
}

export const deviceMajor = (rdev: number) =>
  ((rdev >> 8) & 0xfff) | ((rdev / 0x100000000) & 0xfffff000);
export const deviceMinor = (rdev: number) => (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
