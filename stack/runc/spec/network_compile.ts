import type { NamespaceWishes } from "./namespace_compile.ts";
import { type PlanBuilder, specError } from "./plan_builder.ts";
import type { HostFacts } from "./plan_inputs.ts";
import type { Spec } from "./spec_types.ts";

/** linux/if.h, with the final NUL. */
const MAX_NAME_BYTES = 16;
const AT = "linux.netDevices";

/** As the kernel judges names of network devices. */
function isDeviceName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  return Buffer.byteLength(name) < MAX_NAME_BYTES && !/[/:\s]/.test(name);
}

interface NetworkInputs {
  spec: Spec;
  facts: Pick<HostFacts, "uid" | "inUserNamespace">;
}

/**
 * The network of a container: the loopback of a namespace that is made for it, and the devices that
 * are moved there. Throws a ChainError, in runc's words, for devices that cannot be.
 */
export function compileNetwork(
  plan: PlanBuilder,
  { spec, facts }: NetworkInputs,
  wishes: NamespaceWishes,
): void {
  if (wishes.created.has("network")) plan.add({ op: "loopback" });
  const devices = Object.entries(spec.linux?.netDevices ?? {});
  if (devices.length === 0) return;
  if (!wishes.created.has("network") && !wishes.joined.has("network")) {
    throw specError("unable to move network devices without a NET namespace", AT);
  }
  if (facts.uid !== 0 || facts.inUserNamespace) {
    throw specError("network devices are not supported for rootless containers", AT);
  }
  for (const [name, { name: newName = "" }] of devices) {
    const wrong = [name, ...(newName === "" ? [] : [newName])].find((one) => !isDeviceName(one));
    if (wrong !== undefined) {
      throw specError(`invalid network device name ${JSON.stringify(wrong)}`, `${AT}.${name}`);
    }
    plan.add({ op: "net-device", name, newName: newName || name, byParent: true });
  }
}
