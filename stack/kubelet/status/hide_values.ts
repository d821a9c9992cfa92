const HIDDEN = "(hidden without the token)";
const LISTS = ["containers", "initContainers"];

type Bag = Record<string, unknown>;

/**
 * A pod's spec without the values of its environment variables, which often are passwords: any user
 * of this host can connect to loopback.
 */
export function hideValues(rawSpec: unknown): unknown {
  if (!isBag(rawSpec)) return rawSpec;
  const spec: Bag = { ...rawSpec };
  for (const list of LISTS) {
    const containers = spec[list];
    if (Array.isArray(containers)) spec[list] = containers.map(hideContainer);
  }
  return spec;
}

function hideContainer(container: unknown): unknown {
  if (!isBag(container) || !Array.isArray(container["env"])) return container;
  const env = container["env"].map((variable: unknown) =>
    isBag(variable) && variable["value"] !== undefined ? { ...variable, value: HIDDEN } : variable,
  );
  return { ...container, env };
}

function isBag(value: unknown): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
