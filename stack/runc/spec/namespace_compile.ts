import { idMapText } from "./id_map_text.ts";
import { CLONE_FLAG } from "./linux_constants.ts";
import { type PlanBuilder, specError } from "./plan_builder.ts";
import type { CreateInputs, HostFacts, InitDescriptors } from "./plan_inputs.ts";
import type { Linux, NamespaceType, Spec } from "./spec_types.ts";

/** What a spec asks for each type of namespace: made, joined by path, or the host's. */
export interface NamespaceWishes {
  created: Set<NamespaceType>;
  joined: Set<NamespaceType>;
  /** Those joined that are the launcher's own: shared with the host for all that it matters. */
  own: ReadonlySet<NamespaceType>;
}

/** Whether what is set in a namespace of this type stays inside the container. */
export function isPrivate({ created, joined, own }: NamespaceWishes, type: NamespaceType): boolean {
  return created.has(type) || (joined.has(type) && !own.has(type));
}

/** Sorts a spec's namespaces; refuses unknown and repeated ones. */
export function namespaceWishes(
  linux: Linux | undefined,
  own: ReadonlySet<NamespaceType> = new Set(),
): NamespaceWishes {
  const wishes: NamespaceWishes = { created: new Set(), joined: new Set(), own };
  for (const [index, { type, path }] of (linux?.namespaces ?? []).entries()) {
    const at = `linux.namespaces[${index}].type`;
    if (!Object.hasOwn(CLONE_FLAG, type)) {
      throw specError(`namespace "${type}" does not exist`, at);
    }
    if (wishes.created.has(type) || wishes.joined.has(type)) {
      throw specError(`malformed spec file: duplicated ns {"type": "${type}"}`, at);
    }
    (path ? wishes.joined : wishes.created).add(type);
  }
  return wishes;
}

/**
 * The order to join in. Root joins the user namespace last: until then it may join namespaces of
 * any owner. An ordinary user first, since only inside it has it any privilege.
 */
export function joinOrder(types: Iterable<NamespaceType>, facts: HostFacts): NamespaceType[] {
  const order: NamespaceType[] = ["ipc", "uts", "network", "pid", "time", "mount"];
  if (facts.uid === 0) order.push("user");
  else order.unshift("user");
  const wanted = new Set(types);
  return order.filter((type) => wanted.has(type));
}

/** The child stage's joins; the cgroup namespace is the grandchild's. */
export function compileJoins(
  plan: PlanBuilder,
  order: readonly NamespaceType[],
  fds: InitDescriptors,
): void {
  for (const type of order) {
    const fd = fds.namespaces[type];
    if (fd === undefined) {
      throw specError(`namespace ${type} is to be joined but was not opened`, "linux.namespaces");
    }
    plan.add({ op: "join-namespace", flag: CLONE_FLAG[type], fd });
  }
  if (order.includes("user")) plan.add({ op: "become-root" });
}

/** An ordinary user may map one id, its own; more is for newuidmap, by /etc/subuid. */
export function needsMapTools(linux: Linux | undefined, facts: HostFacts): boolean {
  if (facts.uid === 0 || !facts.mapTools) return false;
  const maps = [...(linux?.uidMappings ?? []), ...(linux?.gidMappings ?? [])];
  return maps.length > 2 || maps.some(({ size }) => size > 1);
}

/** The child stage's new namespaces: user first, with its maps, so that it owns the others. */
export function compileUnshare(
  plan: PlanBuilder,
  inputs: CreateInputs,
  wishes: NamespaceWishes,
): void {
  const { linux } = inputs.spec;
  if (wishes.created.has("user")) {
    plan.add({ op: "unshare", flags: CLONE_FLAG.user });
    if (!linux?.uidMappings?.length || !linux.gidMappings?.length) {
      const at = linux?.uidMappings?.length ? "linux.gidMappings" : "linux.uidMappings";
      throw specError("User namespaces enabled, but no uid mappings or gid mappings found.", at);
    }
    const { facts } = inputs;
    const tools = needsMapTools(linux, facts) ? facts.mapTools : undefined;
    plan.add({
      op: "id-maps",
      uidMap: idMapText(linux.uidMappings),
      gidMap: idMapText(linux.gidMappings),
      denySetgroups: facts.uid !== 0 && !tools,
      uidTool: tools?.uid ?? "",
      gidTool: tools?.gid ?? "",
      byParent: true,
    });
    plan.add({ op: "become-root" });
  } else if ((linux?.uidMappings || linux?.gidMappings) && !wishes.joined.has("user")) {
    throw specError(
      "User namespace mappings specified, but USER namespace isn't enabled in the config",
      linux.uidMappings ? "linux.uidMappings" : "linux.gidMappings",
    );
  }
  let flags = 0;
  for (const type of wishes.created) {
    if (type !== "user" && type !== "cgroup") flags |= CLONE_FLAG[type];
  }
  if (flags !== 0) plan.add({ op: "unshare", flags });
  compileTimeOffsets(plan, linux, wishes);
}

function compileTimeOffsets(
  plan: PlanBuilder,
  linux: Linux | undefined,
  wishes: NamespaceWishes,
): void {
  const offsets = Object.entries(linux?.timeOffsets ?? {});
  if (offsets.length === 0) return;
  const at = "linux.timeOffsets";
  if (!wishes.created.has("time")) {
    throw specError("time namespace offsets given, but no time namespace is created", at);
  }
  const text = offsets.map(
    ([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`,
  );
  plan.add({ op: "time-offsets", text: text.join(""), byParent: true });
}

/** Host and domain name; refused where they would be the host's. */
export function compileNames(plan: PlanBuilder, spec: Spec, wishes: NamespaceWishes): void {
  for (const op of ["hostname", "domainname"] as const) {
    const name = spec[op];
    if (!name) continue;
    if (!isPrivate(wishes, "uts")) {
      throw specError(`unable to set ${op} without a private UTS namespace`, op);
    }
    plan.add({ op, name });
  }
}
