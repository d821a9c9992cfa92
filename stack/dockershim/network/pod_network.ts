import type { PodSandboxConfig } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import { Protocol } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { refuse } from "../refusals.ts";
import type { CniAttachment, CniPortMapping } from "../state/sandbox_checkpoint.ts";
import { type CniConfig, readCniConfig } from "./cni_config.ts";
import { addToNetwork, type CniPod, removeFromNetwork } from "./cni_network.ts";

/**
 * How pods that do not share the host's network get one: by CNI plugins, by Docker's own bridge, or
 * not at all (a loopback alone).
 */
export type NetworkChoice = "cni" | "docker" | "loopback";

export interface NetworkOptions {
  /** Default: cni where `confDir` holds a configuration at start, else loopback. */
  network?: NetworkChoice;
  confDir?: string;
  binDirs?: string[];
}

const DEFAULT_CONF_DIR = "/etc/cni/net.d";
const DEFAULT_BIN_DIRS = ["/opt/cni/bin", "/usr/lib/cni"];

export interface NetworkReadiness {
  ready: boolean;
  reason: string;
  message: string;
}

/** The network of pods. */
export class PodNetwork {
  readonly choice: NetworkChoice;
  readonly #confDir: string;
  readonly #binDirs: string[];

  constructor(options: NetworkOptions) {
    this.#confDir = options.confDir ?? DEFAULT_CONF_DIR;
    this.#binDirs = options.binDirs ?? DEFAULT_BIN_DIRS;
    this.choice = options.network ?? (this.#isConfigured() ? "cni" : "loopback");
  }

  #isConfigured(): boolean {
    try {
      return readCniConfig(this.#confDir) !== undefined;
    } catch {
      // A broken configuration is one: what is wrong with it is told by the network's readiness.
      return true;
    }
  }

  /** The network mode of a sandbox's container. */
  get dockerMode(): string {
    return this.choice === "docker" ? "default" : "none";
  }

  readiness(): NetworkReadiness {
    if (this.choice === "docker") return { ready: true, reason: "", message: "" };
    if (this.choice === "loopback") {
      const message = "no network plugin is configured: pods have a loopback interface only";
      return { ready: true, reason: "LoopbackOnly", message };
    }
    const reason = "NetworkPluginNotReady";
    try {
      this.#config();
      return { ready: true, reason: "", message: "" };
    } catch (error) {
      const words = error instanceof ChainError ? error.words : String(error);
      return { ready: false, reason, message: `docker: network plugin is not ready: ${words}` };
    }
  }

  /** Joins a running sandbox to the network. Undefined when there is nothing to join. */
  async attach(pod: CniPod, config: PodSandboxConfig): Promise<CniAttachment | undefined> {
    if (this.choice !== "cni") return undefined;
    return addToNetwork(this.#config(), this.#binDirs, pod, portMappings(config));
  }

  /** Takes a sandbox off its network, as it was joined to it. */
  detach(pod: CniPod, attachment: CniAttachment): Promise<void> {
    return removeFromNetwork(attachment, pod);
  }

  #config(): CniConfig {
    const config = readCniConfig(this.#confDir);
    if (config) return config;
    throw refuse(
      "failed_precondition",
      "find network",
      `cni config uninitialized: no network configuration in ${this.#confDir}`,
      { fix: "install a network add-on, or choose another network for the dockershim" },
    );
  }
}

function portMappings(config: PodSandboxConfig): CniPortMapping[] {
  return config.portMappings
    .filter(({ hostPort }) => hostPort > 0)
    .map(({ hostPort, containerPort, protocol, hostIp }) => ({
      hostPort,
      containerPort,
      protocol: (Protocol[protocol] ?? "TCP").toLowerCase(),
      hostIP: hostIp,
    }));
}
