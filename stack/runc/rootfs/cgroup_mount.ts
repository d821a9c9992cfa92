import { cleanPath } from "#lib/linux/path.ts";
import { NO_SLOT } from "#wire/init-pipe/operation.ts";
import type { PlanBuilder } from "../spec/plan_builder.ts";
import type { CreateInputs } from "../spec/plan_inputs.ts";
import type { PreparedMount } from "./mount_compile.ts";
import { ATTR, emptyAttributes } from "./mount_options.ts";

const PRIVATE_FLAGS = ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC;

/** A mount of type `cgroup`: the container's view of its own cgroups. */
export function compileCgroupMount(
  plan: PlanBuilder,
  inputs: CreateInputs,
  prepared: PreparedMount,
): void {
  if (inputs.facts.pureV2) compileV2(plan, inputs, prepared);
  else compileV1(plan, inputs, prepared);
}

function compileV2(plan: PlanBuilder, inputs: CreateInputs, prepared: PreparedMount): void {
  const { destination, options, mount } = prepared;
  plan.add({
    op: "mount",
    type: "cgroup2",
    source: mount.source ?? "cgroup",
    target: destination,
    options: [...options.data, ...inputs.facts.unifiedFlags.map((flag) => [flag] as const)],
    attributes: options.attributes,
    plain: false,
    keepMode: false,
    copyUp: false,
    // Where a user namespace may not mount it, the container's own folder is bound.
    bindInstead: hasCgroupNamespace(inputs)
      ? (inputs.cgroup.unified ?? "/sys/fs/cgroup")
      : "/sys/fs/cgroup",
  });
}

/** A tmpfs with one mount for each hierarchy, and links for the parts of merged ones. */
function compileV1(plan: PlanBuilder, inputs: CreateInputs, prepared: PreparedMount): void {
  const { destination, options } = prepared;
  const readonly = options.attributes.set & ATTR.RDONLY;
  plan.add({
    op: "mount",
    type: "tmpfs",
    source: "tmpfs",
    target: destination,
    options: [["mode", "755"]],
    attributes: { ...emptyAttributes(), set: PRIVATE_FLAGS },
    plain: false,
    keepMode: false,
    copyUp: false,
    bindInstead: "",
  });
  for (const { controllers, mountpoint } of inputs.facts.cgroupMounts) {
    const name = mountpoint.slice(mountpoint.lastIndexOf("/") + 1);
    const target = cleanPath(`${destination}/${name}`);
    const attributes = {
      ...emptyAttributes(),
      set: PRIVATE_FLAGS | readonly,
      propagation: options.attributes.propagation,
    };
    if (hasCgroupNamespace(inputs)) compileOwnView(plan, controllers, target, attributes);
    else compileBoundView(plan, inputs, controllers, mountpoint, target, attributes);
    if (!name.includes(",")) continue;
    for (const part of name.split(",")) {
      const path = cleanPath(`${destination}/${part}`);
      plan.add({ op: "symlink", target: name, path, replace: false });
    }
  }
  if (readonly !== 0n) plan.add({ op: "remount-readonly", target: destination });
}

type Attributes = ReturnType<typeof emptyAttributes>;

function compileOwnView(
  plan: PlanBuilder,
  controllers: readonly string[],
  target: string,
  attributes: Attributes,
): void {
  const named = controllers.find((controller) => controller.startsWith("name="));
  plan.add({
    op: "mount",
    type: "cgroup",
    source: named ? named.slice(5) : "cgroup",
    target,
    options: named
      ? [["none"], ["name", named.slice(5)]]
      : controllers.map((controller) => [controller] as const),
    attributes,
    plain: false,
    keepMode: false,
    copyUp: false,
    bindInstead: "",
  });
}

function compileBoundView(
  plan: PlanBuilder,
  inputs: CreateInputs,
  controllers: readonly string[],
  mountpoint: string,
  target: string,
  attributes: Attributes,
): void {
  const joined = inputs.cgroup.v1.find((entry) =>
    entry.controllers.some((controller) => controllers.includes(controller)),
  );
  plan.add({
    op: "bind",
    source: joined?.path ?? mountpoint,
    tree: NO_SLOT,
    target,
    recursive: false,
    attributes,
    insideProc: false,
  });
}

function hasCgroupNamespace(inputs: CreateInputs): boolean {
  return (inputs.spec.linux?.namespaces ?? []).some(({ type }) => type === "cgroup");
}
