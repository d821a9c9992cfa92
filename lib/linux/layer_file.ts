import { nativeAddon } from "./native_addon.ts";

interface LayerCalls {
  setXattr(path: string, name: string, value: Buffer): void;
  getXattr(path: string, name: string): Buffer | undefined;
  listXattrs(path: string): string[];
  setModified(path: string, seconds: number, nanoseconds: number): void;
  syncFileSystem(fd: number): void;
}

const calls = () => nativeAddon<LayerCalls>();

/** lsetxattr(2). */
export const setXattr = (path: string, name: string, value: Buffer) =>
  calls().setXattr(path, name, value);
/**
 * lsetxattr(2) of what an archive says. A file system without this kind of attribute keeps the file
 * without it, as containerd and dockerd do.
 */
export function setXattrIfPossible(path: string, name: string, value: Buffer): void {
  try {
    setXattr(path, name, value);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const optional = code === "EOPNOTSUPP" || (code === "EPERM" && !name.startsWith("security."));
    if (!optional) throw error;
  }
}
/** lgetxattr(2). Undefined when there is no such attribute. */
export const getXattr = (path: string, name: string) => calls().getXattr(path, name);
/** llistxattr(2). */
export const listXattrs = (path: string) => calls().listXattrs(path);
/** utimensat(2) of access and modification time, not following a link. */
export const setModified = (path: string, seconds: number, nanoseconds: number) =>
  calls().setModified(path, seconds, nanoseconds);
/** syncfs(2). */
export const syncFileSystem = (fd: number) => calls().syncFileSystem(fd);
