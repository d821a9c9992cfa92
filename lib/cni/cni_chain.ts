import { type CniResult, type CniTarget, runCniPlugin } from "./cni_plugin.ts";

/** One plugin of a chain. `capabilities` names the parts of the runtime configuration it takes. */
export interface CniPluginConfig {
  type: string;
  capabilities?: Record<string, boolean>;
  [key: string]: unknown;
}

/** A network as CNI's configuration list has it. */
export interface CniNetwork {
  cniVersion: string;
  name: string;
  plugins: CniPluginConfig[];
}

/** What is different for each container: `portMappings`, `mac`, … */
export type RuntimeConfig = Record<string, unknown>;

/**
 * Puts a container on a network: each plugin in turn, with the result of the one before. What a
 * plugin did stays when a later one refuses: `deleteFromCni` takes it down.
 */
export async function addToCni(
  folder: string,
  network: CniNetwork,
  target: CniTarget,
  runtimeConfig: RuntimeConfig,
): Promise<CniResult> {
  let result: CniResult | undefined;
  for (const plugin of network.plugins) {
    const config = configOf(network, plugin, runtimeConfig, result);
    result = (await runCniPlugin(folder, "ADD", config, target)) ?? result;
  }
  return result ?? {};
}

/**
 * Takes a container off a network, last plugin first. All are asked, even after one failed; the
 * first failure is thrown then. Deleting what is not there succeeds, as CNI demands.
 */
export async function deleteFromCni(
  folder: string,
  network: CniNetwork,
  target: CniTarget,
  runtimeConfig: RuntimeConfig,
  result: CniResult | undefined,
): Promise<void> {
  let failed: unknown;
  for (const plugin of [...network.plugins].reverse()) {
    try {
      const config = configOf(network, plugin, runtimeConfig, result);
      await runCniPlugin(folder, "DEL", config, target);
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}

function configOf(
  network: CniNetwork,
  plugin: CniPluginConfig,
  runtimeConfig: RuntimeConfig,
  prevResult: CniResult | undefined,
): CniPluginConfig {
  const taken = Object.entries(runtimeConfig).filter(([key]) => plugin.capabilities?.[key]);
  return {
    ...plugin,
    cniVersion: network.cniVersion,
    name: network.name,
    ...(taken.length > 0 ? { runtimeConfig: Object.fromEntries(taken) } : {}),
    ...(prevResult ? { prevResult } : {}),
  };
}
