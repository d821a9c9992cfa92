import { invalid } from "../refusals.ts";
import { readRootedText } from "../rootfs/rooted_files.ts";

/** Resolves `--chown=user[:group]` by an image's files. A user alone is the group's name too. */
export function ownerOf(rootFd: number, chown: string): { uid: number; gid: number } {
  const [user = "", group = user, ...more] = chown.split(":");
  if (more.length > 0 || user === "") throw fault(`invalid chown string format: ${chown}`);
  return {
    uid: idOf(user, () => readRootedText(rootFd, "/etc/passwd"), "user"),
    gid: idOf(group, () => readRootedText(rootFd, "/etc/group"), "group"),
  };
}

function idOf(name: string, text: () => string, what: string): number {
  if (/^[0-9]{1,10}$/.test(name)) return Number(name);
  for (const line of text().split("\n")) {
    const [entry, , id = ""] = line.split(":");
    if (entry === name && /^[0-9]+$/.test(id)) return Number(id);
  }
  throw fault(
    `can't find ${what === "user" ? "uid" : "gid"} for ${what} ${name}: no such ${what}: ${name}`,
  );
}

const fault = (reason: string) =>
  invalid("build", `unable to convert uid/gid chown string to host mapping: ${reason}`);
