import type { FieldReader } from "./field_reader.ts";
import type { ResourceSpec } from "./pod.ts";
import { parseQuantity } from "./quantity.ts";

const KNOWN = /^(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMG]i)$/;

/** Reads `resources`: requests and limits; what is limited and not requested is requested. */
export function readResources(container: FieldReader): ResourceSpec {
  const read = container.object("resources", (fields) => {
    fields.pass("claims");
    const limits = readAmounts(fields, "limits");
    const requests = { ...limits, ...readAmounts(fields, "requests") };
    for (const [name, amount] of Object.entries(requests)) {
      const limit = limits[name];
      if (limit !== undefined && amount > limit) {
        fields.error(`requests[${name}]`, `Invalid value: must be less than or equal to its limit`);
      }
    }
    return { limits, requests };
  });
  return read ?? { limits: {}, requests: {} };
}

function readAmounts(fields: FieldReader, name: string): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [resource, text] of fields.scalars(name)) {
    const amount = parseQuantity(text);
    const at = `${name}[${resource}]`;
    if (amount === undefined) {
      fields.invalid(
        at,
        text,
        "quantities must be numbers with an optional unit, such as 100m, 64Mi",
      );
    } else if (amount < 0) {
      fields.invalid(at, text, "must be greater than or equal to 0");
    } else if (!KNOWN.test(resource)) {
      fields.warn(at, "this kubelet has no such resource; ignored");
    } else {
      out[resource] = amount;
    }
  }
  return out;
}
