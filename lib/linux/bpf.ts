import { nativeAddon } from "./native_addon.ts";

interface BpfCalls {
  bpfLoadDevice(instructions: Buffer): number;
  bpfAttachDevice(cgroup: number, program: number): void;
  bpfDevicePrograms(cgroup: number): number[];
  bpfDetachDevice(cgroup: number, programId: number): void;
}

const calls = () => nativeAddon<BpfCalls>();

/** Loads a BPF_PROG_TYPE_CGROUP_DEVICE program. Returns its descriptor. */
export const bpfLoadDevice = (instructions: Buffer) => calls().bpfLoadDevice(instructions);
/** Attaches a program to a cgroup v2 folder's descriptor, beside those attached already. */
export const bpfAttachDevice = (cgroup: number, program: number) =>
  calls().bpfAttachDevice(cgroup, program);
/** Ids of the device programs attached to this very cgroup. */
export const bpfDevicePrograms = (cgroup: number) => calls().bpfDevicePrograms(cgroup);
export const bpfDetachDevice = (cgroup: number, programId: number) =>
  calls().bpfDetachDevice(cgroup, programId);
