/** Help of the commands that read their own flags; loaded only when it is asked for. */
const FOREIGN: Record<string, () => Promise<string>> = {
  containerd: async () => (await import("../commands/containerd.ts")).USAGE,
  dockerd: async () => (await import("../commands/dockerd.ts")).USAGE,
  dockershim: async () => (await import("../commands/dockershim.ts")).USAGE,
  kubelet: async () => (await import("../commands/kubelet.ts")).USAGE,
};

/** What `catena NAME --help` prints where the command itself says it; undefined for the others. */
export async function foreignHelp(name: string): Promise<string | undefined> {
  return FOREIGN[name]?.();
}

/** A flag as such a help text lists it. */
export interface ListedFlag {
  flags: string[];
  takesValue: boolean;
  text: string;
}

/** Reads the flags out of a help text: lines that begin with one. */
export function listedFlags(help: string): ListedFlag[] {
  const names = /(?:-\w, )?--[\w-]+(?:, --[\w-]+)*|-\w/.source;
  const value = /[A-Z][\w:|=]*|<[^>]+>/.source;
  const pattern = new RegExp(`^ +(${names})(?:[ =](${value}))?(?: {2,}(.*))?$`, "gm");
  return [...help.matchAll(pattern)].map(([, flags, placeholder, text]) => ({
    flags: flags!.split(", "),
    takesValue: placeholder !== undefined,
    text: text ?? "",
  }));
}
