import type { Spec } from "#stack/runc/spec/spec_types.ts";
import type { Operation, Plan } from "#wire/init-pipe/operation.ts";

/** Host paths that a plan may touch whatever the spec says: the runtime's own. */
const OWN = [/^\/run\/c1\//, /^\/sys\/fs\/cgroup(\/|$)/, /^\/bundle\/rootfs$/];

/** An absolute path without a step up: init resolves it inside the root. */
const isInside = (path: string) => path.startsWith("/") && !path.split("/").includes("..");

/** Host paths that the spec itself names: bind sources. */
function namedByUser(spec: Spec): Set<string> {
  return new Set((spec.mounts ?? []).map(({ source }) => source ?? ""));
}

/** A path of the container's, by operation. */
function insidePath(operation: Operation): string | undefined {
  switch (operation.op) {
    case "mount":
    case "mount-text":
    case "bind":
    case "remount-readonly":
      return operation.target;
    case "mknod":
    case "symlink":
    case "mkdir":
      return operation.path;
    default:
      return undefined;
  }
}

/** A path of the host's, by operation. */
function hostPath(operation: Operation): string | undefined {
  switch (operation.op) {
    case "open":
    case "open-tree":
    case "root-bind":
    case "root-open":
      return operation.path;
    case "bind":
      return operation.source;
    default:
      return undefined;
  }
}

/**
 * What in a plan would touch the host beyond what the spec names: a place in the container that is
 * not below its root, a host path that nobody asked for, a sysctl that climbs.
 */
export function escapes(plan: Plan, spec: Spec): string[] {
  const sources = namedByUser(spec);
  return plan.operations.flatMap((operation) => {
    const inside = insidePath(operation);
    if (inside !== undefined && !isInside(inside)) return [`${operation.op} at ${inside}`];
    const host = hostPath(operation);
    if (host !== undefined && !isAsked(host, sources)) return [`${operation.op} of ${host}`];
    if (operation.op === "sysctl" && !isInside(`/${operation.path}`)) {
      return [`sysctl ${operation.path}`];
    }
    return [];
  });
}

function isAsked(path: string, sources: Set<string>): boolean {
  if (OWN.some((own) => own.test(path))) return true;
  // A relative source is the bundle's.
  return [...sources].some((source) => source !== "" && path.endsWith(source.replace(/^\.\//, "")));
}
