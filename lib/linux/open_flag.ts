/*
 * open(2)'s flags. Most numbers are the same everywhere; the two that tell folders and links are
 * not, since arm64 kept those of 32-bit Arm (asm/fcntl.h). The same number means another thing
 * there: x86-64's O_DIRECTORY is arm64's O_DIRECT.
 */

/** The flags of an architecture, by Node's name of it. Throws for one not looked up yet. */
export function openFlags(arch: string) {
  const own = OWN[arch];
  if (!own) throw new Error(`open(2)'s flags on ${arch} are not known`);
  return {
    RDONLY: 0,
    WRONLY: 1,
    RDWR: 2,
    CREAT: 0o100,
    EXCL: 0o200,
    NOCTTY: 0o400,
    TRUNC: 0o1000,
    APPEND: 0o2000,
    NONBLOCK: 0o4000,
    CLOEXEC: 0o2000000,
    PATH: 0o10000000,
    ...own,
  } as const;
}

const OWN: Record<string, { DIRECTORY: number; NOFOLLOW: number }> = {
  x64: { DIRECTORY: 0o200000, NOFOLLOW: 0o400000 },
  arm64: { DIRECTORY: 0o40000, NOFOLLOW: 0o100000 },
};

/** The flags of the processor that this runs on. */
export const O = openFlags(process.arch);
