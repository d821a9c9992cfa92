import { type CniTarget, runCniPlugin } from "#lib/cni/cni_plugin.ts";
import { Mutex } from "../mutex.ts";
import { BRIDGE_OPTION } from "./cni_network.ts";
import { type NetworkRecord, poolsOf } from "./network_record.ts";
import { subnetText } from "./subnet.ts";
import { runSystem } from "./system_command.ts";

/** One rule of the packet filter, as `iptables -A CHAIN …` takes it. */
export interface FilterRule {
  program: "iptables" | "ip6tables";
  table: "filter" | "nat";
  chain: string;
  words: string[];
}

/**
 * What CNI's firewall plugin has for administrators: consulted before its own rules. It is there
 * once the plugin has worked for a network.
 */
const CHAIN = "CNI-ADMIN";
/** Rules that were there so lately are taken to be there: fifty containers ask for them at once. */
const TRUSTED_MS = 2_000;

/**
 * The rules of a bridge network, whichever containers are on it: addresses of other networks are
 * reached in the host's name, its traffic may be forwarded, and what was led to a published port
 * may come in. An internal network's traffic stays on its bridge. Made once a network, where CNI's
 * plugins would make a dozen a container: as dockerd does.
 */
export function networkRules(record: NetworkRecord): FilterRule[] {
  const { bridge, internal } = record;
  const masquerade = record.options[BRIDGE_OPTION.masquerade] !== "false" && !internal;
  const comment = ["-m", "comment", "--comment", `catena network ${record.id.slice(0, 12)}`];
  return poolsOf(record).flatMap(({ family, subnet }) => {
    const program = family === 6 ? "ip6tables" : "iptables";
    const forward = (...words: string[]): FilterRule => ({
      program,
      table: "filter",
      chain: CHAIN,
      words: [...words.slice(0, -1), ...comment, "-j", words.at(-1)!],
    });
    const source = ["-s", subnetText(subnet), "!", "-o", bridge, ...comment, "-j", "MASQUERADE"];
    const nat: FilterRule = { program, table: "nat", chain: "POSTROUTING", words: source };
    return [
      ...(masquerade ? [nat] : []),
      ...(internal
        ? [
            forward("-i", bridge, "!", "-o", bridge, "DROP"),
            forward("!", "-i", bridge, "-o", bridge, "DROP"),
          ]
        : [
            forward("-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "ACCEPT"),
            forward("-o", bridge, "-m", "conntrack", "--ctstate", "DNAT", "ACCEPT"),
          ]),
      forward("-i", bridge, "ACCEPT"),
    ];
  });
}

/** The rules of this host's networks: made when a container comes, removed with a network. */
export class NetworkRules {
  readonly #ensured = new Map<string, { work: Promise<void>; doneAt: number }>();
  /** One network at a time: two would both find a common chain missing, and make it. */
  readonly #turn = new Mutex();

  /**
   * Sees to it that a network's rules are there, those by which CNI's firewall plugin (in `folder`)
   * keeps networks apart included. Who asks meanwhile, or right after, shares the answer; later it
   * is looked at again, since others may have emptied the packet filter.
   */
  ensure(folder: string, record: NetworkRecord): Promise<void> {
    const known = this.#ensured.get(record.id);
    if (known && Date.now() - known.doneAt < TRUSTED_MS) return known.work;
    const entry = { work: Promise.resolve(), doneAt: Number.POSITIVE_INFINITY };
    entry.work = this.#turn
      .run(() => makeRules(folder, record))
      .then(
        () => {
          entry.doneAt = Date.now();
        },
        (error: unknown) => {
          this.#ensured.delete(record.id);
          throw error;
        },
      );
    this.#ensured.set(record.id, entry);
    return entry.work;
  }

  /** Removes the rules of a network that goes. Those that are not there are no error. */
  async remove(record: NetworkRecord): Promise<void> {
    await this.#ensured.get(record.id)?.work.catch(() => undefined);
    this.#ensured.delete(record.id);
    if (record.driver !== "bridge" || record.bridge === "") return;
    await this.#turn.run(async () => {
      for (const rule of networkRules(record)) await apply("-D", rule).catch(() => undefined);
    });
  }
}

async function makeRules(folder: string, record: NetworkRecord): Promise<void> {
  const rules = networkRules(record);
  if (await allThere(rules)) return;
  await keepApart(folder, record);
  for (const rule of rules) {
    await apply("-C", rule).catch(() => apply("-A", rule));
  }
}

/** One look at each table tells: whoever empties a chain empties all of it. */
async function allThere(rules: FilterRule[]): Promise<boolean> {
  const looks = new Map(rules.map((rule) => [`${rule.program} ${rule.table}`, rule]));
  try {
    for (const rule of looks.values()) await apply("-C", rule);
    return true;
  } catch {
    return false;
  }
}

/**
 * Has the firewall plugin make its chains, and the rules between this bridge and all others. It
 * does so for some address only, here the bridge's own, whose rules nobody needs.
 */
async function keepApart(folder: string, record: NetworkRecord): Promise<void> {
  const config = {
    cniVersion: "1.0.0",
    name: `catena-${record.id.slice(0, 12)}`,
    type: "firewall",
    backend: "iptables",
    ingressPolicy: "same-bridge",
    prevResult: {
      cniVersion: "1.0.0",
      interfaces: [{ name: record.bridge }],
      ips: poolsOf(record).map(({ gateway, subnet }) => ({ address: `${gateway}/${subnet.bits}` })),
    },
  };
  const target: CniTarget = {
    caller: "dockerd",
    containerId: record.id,
    netns: "/proc/self/ns/net",
    ifname: record.bridge,
  };
  await runCniPlugin(folder, "ADD", config, target);
  await runCniPlugin(folder, "DEL", config, target);
}

function apply(action: "-A" | "-C" | "-D", { program, table, chain, words }: FilterRule) {
  return runSystem([program, "-w", "5", "-t", table, action, chain, ...words]);
}
