/*
 * Configurations as CRI has them, field for field (runtime/v1 api.proto); 64-bit numbers are
 * bigint, as the generated messages have them.
 */

/** CRI's NamespaceMode. */
export const NAMESPACE = { pod: 0, container: 1, node: 2, target: 3 } as const;
export type NamespaceMode = (typeof NAMESPACE)[keyof typeof NAMESPACE];

export interface SecurityProfile {
  /** 0 the runtime's default, 1 unconfined, 2 the file `localhostRef`. */
  profileType: 0 | 1 | 2;
  localhostRef: string;
}

export interface SandboxConfig {
  metadata: { name: string; uid: string; namespace: string; attempt: number };
  hostname: string;
  logDirectory: string;
  dnsConfig?: { servers: string[]; searches: string[]; options: string[] };
  portMappings: { protocol: 0 | 1 | 2; containerPort: number; hostPort: number; hostIp: string }[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  linux: {
    cgroupParent: string;
    sysctls: Record<string, string>;
    securityContext: {
      namespaceOptions: { network: NamespaceMode; pid: NamespaceMode; ipc: NamespaceMode };
      runAsUser?: { value: bigint };
      runAsGroup?: { value: bigint };
      supplementalGroups: bigint[];
      privileged: boolean;
      readonlyRootfs: boolean;
      seccomp: SecurityProfile;
    };
  };
}

export interface MountConfig {
  containerPath: string;
  hostPath: string;
  readonly: boolean;
  /** 0 private, 1 host to container, 2 both ways. */
  propagation: 0 | 1 | 2;
}

/** CRI's LinuxContainerResources; 0 stands for "not given". */
export interface LinuxResources {
  cpuPeriod: bigint;
  cpuQuota: bigint;
  cpuShares: bigint;
  memoryLimitInBytes: bigint;
  oomScoreAdj: bigint;
  hugepageLimits: { pageSize: string; limit: bigint }[];
}

export interface ContainerConfig {
  metadata: { name: string; attempt: number };
  image: { image: string };
  command: string[];
  args: string[];
  workingDir: string;
  envs: { key: string; value: string }[];
  mounts: MountConfig[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  logPath: string;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  linux: {
    resources: LinuxResources;
    securityContext: {
      capabilities?: { addCapabilities: string[]; dropCapabilities: string[] };
      privileged: boolean;
      namespaceOptions: { network: NamespaceMode; pid: NamespaceMode; ipc: NamespaceMode };
      runAsUser?: { value: bigint };
      runAsGroup?: { value: bigint };
      runAsUsername: string;
      readonlyRootfs: boolean;
      supplementalGroups: bigint[];
      noNewPrivs: boolean;
      seccomp: SecurityProfile;
      maskedPaths: string[];
      readonlyPaths: string[];
    };
  };
}
