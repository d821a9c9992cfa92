import { refuse } from "../metadata/refusal.ts";

/** Where an image lies: the registry's host, the repository there, a tag or a digest. */
export interface RegistryReference {
  host: string;
  repository: string;
  /** A tag, or `sha256:…`. */
  target: string;
}

const REPOSITORY = /^[a-z0-9]+([._/-]+[a-z0-9]+)*$/;
const TARGET = /^(\w[\w.-]{0,127}|[a-z0-9]+:[0-9a-f]{32,})$/;

/** Reads a whole name, as containerd has them: `host/repository:tag@digest`. */
export function parseReference(name: string): RegistryReference {
  const [rest = "", digest] = name.split("@");
  const slash = rest.indexOf("/");
  const host = rest.slice(0, Math.max(slash, 0));
  const path = rest.slice(slash + 1);
  const colon = path.lastIndexOf(":");
  const repository = colon < 0 ? path : path.slice(0, colon);
  const target = digest ?? (colon < 0 ? "latest" : path.slice(colon + 1));
  if (host === "" || !REPOSITORY.test(repository) || !TARGET.test(target)) {
    throw refuse("invalid_argument", `reference ${JSON.stringify(name)} names no host and image`, {
      fix: "write it in full: docker.io/library/busybox:latest",
    });
  }
  return { host, repository, target };
}
