import type {
  ImageReference,
  ImageStore,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import type { Descriptor } from "./image_tree.ts";

/** The name that docker and containerd give an image in an archive. */
export const IMAGE_NAME = "io.containerd.image.name";
/** The name that the OCI layout gives it: whole, or a tag alone. */
export const REFERENCE_NAME = "org.opencontainers.image.ref.name";

/** The names under which an imported image is stored: its annotations', as the prefixes want. */
export function namesOfImported(store: ImageStore, image: Descriptor): string[] {
  return store.extraReferences
    .filter(({ isPrefix }) => isPrefix)
    .flatMap((wanted) => {
      const name = annotatedName(wanted, image.annotations ?? {});
      const byDigest = wanted.addDigest ? [`${wanted.name}@${image.digest}`] : [];
      if (name === "") return byDigest;
      return wanted.skipNamedDigest ? [name] : [name, ...byDigest];
    });
}

/** The names under which what a transfer brings as a whole is stored. */
export function namesOfWhole(store: ImageStore, target: Descriptor): string[] {
  const more = store.extraReferences
    .filter(({ isPrefix }) => !isPrefix)
    .map(({ name, addDigest }) => (addDigest ? `${name}@${target.digest}` : name));
  return store.name === "" ? more : [store.name, ...more];
}

function annotatedName(wanted: ImageReference, annotations: Record<string, string>): string {
  const whole = annotations[IMAGE_NAME];
  // This one is used as it is, or not at all.
  if (whole) return wantedName(wanted, whole) === whole ? whole : "";
  const reference = annotations[REFERENCE_NAME];
  return reference ? wantedName(wanted, reference) : "";
}

/** A tag is put behind the prefix; a whole name must lie below it, unless any will do. */
function wantedName({ name: prefix, allowOverwrite }: ImageReference, name: string): string {
  if (prefix === "") return "";
  if (!/[/:@]/.test(name)) return `${prefix}:${name}`;
  return allowOverwrite || isBelow(name, prefix) ? name : "";
}

/** Whether a name is the prefix, or the prefix with a path, a tag or a digest. */
function isBelow(name: string, prefix: string): boolean {
  if (!name.startsWith(prefix)) return false;
  return name.length === prefix.length || "/:@".includes(name.charAt(prefix.length));
}

/** A whole name as docker shows it. */
export function shortName(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, "");
}

/** A name as docker writes it ("busybox:1"), as containerd does. */
export function fullName(name: string): string {
  const [first = "", ...rest] = name.split("/");
  const host = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  if (host) return name;
  return rest.length > 0 ? `docker.io/${name}` : `docker.io/library/${name}`;
}
