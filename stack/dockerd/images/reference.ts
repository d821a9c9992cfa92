import { invalid } from "../refusals.ts";

/** A full image name: `docker.io/library/busybox` with a tag or a digest. */
export interface ImageReference {
  /** Registry and path, normalised. */
  repository: string;
  tag?: string;
  digest?: string;
}

const PATH_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(
  `^(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`,
);
const PATH = new RegExp(`^${PATH_PART}(?:/${PATH_PART})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[a-f0-9]{64}$/;
const MAX_NAME = 255;
const DEFAULT_DOMAIN = "docker.io";
const OFFICIAL = "library/";

const bad = (reason = "") =>
  invalid("parse image name", `invalid reference format${reason ? `: ${reason}` : ""}`);

/** Reads a name as people write it: `busybox`, `host:5000/a/b:tag`, `a@sha256:…`. */
export function parseReference(text: string): ImageReference {
  let rest = text;
  const out: ImageReference = { repository: "" };
  const at = rest.indexOf("@");
  if (at >= 0) {
    out.digest = rest.slice(at + 1);
    if (!DIGEST.test(out.digest)) throw bad();
    rest = rest.slice(0, at);
  }
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    out.tag = rest.slice(colon + 1);
    if (!TAG.test(out.tag)) throw bad();
    rest = rest.slice(0, colon);
  }
  if (/^[a-f0-9]{64}$/.test(rest)) {
    throw invalid(
      "parse image name",
      `invalid repository name (${rest}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const { domain, path } = splitDomain(rest);
  if (path.toLowerCase() !== path && PATH.test(path.toLowerCase())) {
    throw bad(`repository name (${path}) must be lowercase`);
  }
  if (!DOMAIN.test(domain) || !PATH.test(path)) throw bad();
  out.repository = `${domain}/${path}`;
  if (out.repository.length > MAX_NAME)
    throw bad("repository name must not be more than 255 characters");
  return out;
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  let domain = isDomain ? first : DEFAULT_DOMAIN;
  let path = isDomain ? name.slice(slash + 1) : name;
  if (domain === "index.docker.io") domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !path.includes("/")) path = `${OFFICIAL}${path}`;
  return { domain, path };
}

/**
 * The name under which containerd keeps the image: with `:latest` when neither tag nor digest is
 * given.
 */
export function fullName(reference: ImageReference): string {
  if (reference.digest) return `${reference.repository}@${reference.digest}`;
  return `${reference.repository}:${reference.tag ?? "latest"}`;
}

/** The short form of a full name, as docker prints it. */
export function familiarName(name: string): string {
  const short = name.startsWith(`${DEFAULT_DOMAIN}/`)
    ? name.slice(DEFAULT_DOMAIN.length + 1)
    : name;
  if (!short.startsWith(OFFICIAL) || name === short) return short;
  return short.slice(OFFICIAL.length);
}

/** `repo` and `tag` parameters of import, tag and commit. Undefined when no name is given. */
export function repoTagName(repo: string, tag: string): string | undefined {
  if (repo === "") return undefined;
  const reference = parseReference(repo);
  if (reference.digest) throw invalid("parse image name", "cannot import digest reference");
  if (tag !== "") {
    if (!TAG.test(tag)) throw bad();
    reference.tag = tag;
  }
  return fullName(reference);
}
