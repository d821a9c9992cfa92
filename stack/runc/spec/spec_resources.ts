/** `linux.devices[]`: a device node to be made in the container. */
export interface DeviceNode {
  path: string;
  /** c or u (character), b (block), p (fifo). */
  type: string;
  major?: number;
  minor?: number;
  /** Permission bits. */
  fileMode?: number;
  uid?: number;
  gid?: number;
}

/** `linux.resources.devices[]`: a rule of the device controller; later rules win. */
export interface DeviceRule {
  allow: boolean;
  /** a (all), c, b. */
  type?: string;
  /** Left out or negative: any. */
  major?: number;
  minor?: number;
  /** Any of r, w, m. */
  access?: string;
}

export interface MemoryResources {
  /** Bytes; -1 is unlimited. */
  limit?: number;
  reservation?: number;
  /** Memory and swap together, bytes. */
  swap?: number;
  kernel?: number;
  kernelTCP?: number;
  /** 0 to 100. */
  swappiness?: number;
  disableOOMKiller?: boolean;
  useHierarchy?: boolean;
  checkBeforeUpdate?: boolean;
}

export interface CpuResources {
  shares?: number;
  /** Microseconds in each period; -1 is unlimited. */
  quota?: number;
  burst?: number;
  period?: number;
  realtimeRuntime?: number;
  realtimePeriod?: number;
  /** Lists such as "0-3,5". */
  cpus?: string;
  mems?: string;
  idle?: number;
}

export interface WeightDevice {
  major: number;
  minor: number;
  weight?: number;
  leafWeight?: number;
}

export interface ThrottleDevice {
  major: number;
  minor: number;
  /** Bytes or operations a second. */
  rate: number;
}

export interface BlockIoResources {
  weight?: number;
  leafWeight?: number;
  weightDevice?: WeightDevice[];
  throttleReadBpsDevice?: ThrottleDevice[];
  throttleWriteBpsDevice?: ThrottleDevice[];
  throttleReadIOPSDevice?: ThrottleDevice[];
  throttleWriteIOPSDevice?: ThrottleDevice[];
}

/** Limits of a container's cgroup. */
export interface LinuxResources {
  devices?: DeviceRule[];
  memory?: MemoryResources;
  cpu?: CpuResources;
  pids?: { limit?: number };
  blockIO?: BlockIoResources;
  hugepageLimits?: { pageSize: string; limit: number }[];
  network?: { classID?: number; priorities?: { name: string; priority: number }[] };
  rdma?: Record<string, { hcaHandles?: number; hcaObjects?: number }>;
  /** Files of the unified hierarchy, by name, written as they are. */
  unified?: Record<string, string>;
}

export interface IntelRdt {
  closID?: string;
  schemata?: string[];
  l3CacheSchema?: string;
  memBwSchema?: string;
  enableCMT?: boolean;
  enableMBM?: boolean;
  enableMonitoring?: boolean;
}

export interface NetDevice {
  /** The device's name in the container; left out keeps it. */
  name?: string;
}
