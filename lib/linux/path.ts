/*
 * Paths as text. node:path does the same, and loading it costs a runtime command a tenth of its
 * time.
 */

/**
 * A path without ".", ".." and double slashes. ".." never leaves: a relative path is taken as if it
 * began at a root.
 */
export function cleanPath(path: string): string {
  if (path === "") return "";
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  const joined = parts.join("/");
  return path.startsWith("/") ? `/${joined}` : joined;
}

/** `path` if it is absolute, else below the absolute folder `base`; cleaned. */
export function absoluteFrom(base: string, path: string): string {
  return cleanPath(path.startsWith("/") ? path : `${base}/${path}`);
}
