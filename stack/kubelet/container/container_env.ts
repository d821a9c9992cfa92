import type { ContainerSpec } from "../spec/pod.ts";
import { type DownwardScope, downwardValue } from "./downward_value.ts";
import { expandVariables } from "./expand_variables.ts";

/**
 * A container's variables in their order. Each may refer to those before it; the last of one name
 * wins, as in an environment.
 */
export function containerEnv(container: ContainerSpec, scope: DownwardScope): Map<string, string> {
  const values = new Map<string, string>();
  for (const { name, value, ...reference } of container.env) {
    const referring = reference.fieldPath !== undefined || reference.resource !== undefined;
    const text = referring
      ? downwardValue(reference, scope, container)
      : expandVariables(value ?? "", values);
    values.set(name, text);
  }
  return values;
}
