import { invalid, type Known, notFound } from "../refusals.ts";

export interface ResolvedUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  home: string;
}

/** The texts of the container's own /etc/passwd and /etc/group; empty when it has none. */
export interface UserFiles {
  passwd: string;
  group: string;
}

const MAX_ID = 2 ** 31 - 1;

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

function lines(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function readPasswd(text: string): PasswdEntry[] {
  return lines(text).map(([name = "", , uid = "", gid = "", , home = ""]) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
}

function readGroup(text: string): GroupEntry[] {
  return lines(text).map(([name = "", , gid = "", members = ""]) => ({
    name,
    gid: Number(gid),
    members: members.split(",").filter((member) => member !== ""),
  }));
}

const isNumber = (text: string) => /^[0-9]+$/.test(text);

/**
 * Resolves `user[:group]`, each a name or a number, by the container's own files, as the kernel of
 * every container tool does: a name must be listed, a number need not be. `extra` are --group-add.
 */
export function resolveUser(
  spec: string,
  files: UserFiles,
  extra: readonly string[] = [],
): ResolvedUser {
  const [userText = "", groupText = ""] = spec.split(":");
  const passwd = readPasswd(files.passwd);
  const groups = readGroup(files.group);
  const listed = passwd.find((entry) =>
    userText === ""
      ? entry.uid === 0
      : entry.name === userText || (isNumber(userText) && entry.uid === Number(userText)),
  );
  if (!listed && userText !== "" && !isNumber(userText)) {
    throw invalid(
      "resolve user",
      `unable to find user ${userText}: no matching entries in passwd file`,
      [
        {
          kind: "path",
          value: `${passwd.length} entries, none named ${userText}`,
          ref: "/etc/passwd",
        },
      ],
      unknownName(`user ${userText}`, "/etc/passwd"),
    );
  }
  const uid = listed?.uid ?? Number(userText === "" ? 0 : userText);
  if (uid > MAX_ID) throw invalid("resolve user", "uids and gids must be in range 0-2147483647");
  const gids = groups
    .filter((group) => listed && group.members.includes(listed.name))
    .map((group) => group.gid);
  const user: ResolvedUser = {
    uid,
    gid: listed?.gid ?? 0,
    additionalGids: groupText === "" ? gids : [],
    home: listed?.home || "/",
  };
  if (groupText !== "") user.gid = resolveGroup(groupText, groups);
  for (const group of extra) user.additionalGids.push(resolveGroup(group, groups));
  user.additionalGids = [...new Set(user.additionalGids)];
  return user;
}

/** Names are looked up in the container's own files, not the host's. */
function unknownName(who: string, file: string): Known {
  return {
    causeId: "user-unknown",
    cause: `the container's ${file} has no ${who}`,
    fix: "name it by its number, or add it to the image",
  };
}

function resolveGroup(text: string, groups: GroupEntry[]): number {
  const listed = groups.find((group) => group.name === text);
  if (listed) return listed.gid;
  if (!isNumber(text)) {
    throw notFound(
      "resolve group",
      `Unable to find group ${text}: no matching entries in group file`,
      [{ kind: "path", value: `no entry ${text}`, ref: "/etc/group" }],
      unknownName(`group ${text}`, "/etc/group"),
    );
  }
  const gid = Number(text);
  if (gid > MAX_ID) throw invalid("resolve group", "uids and gids must be in range 0-2147483647");
  return gid;
}
