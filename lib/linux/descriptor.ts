import { nativeAddon } from "./native_addon.ts";

interface DescriptorCalls {
  memfdCreate(name: string, flags: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  flock(fd: number, operation: number): void;
  socketpair(type: number): [number, number];
  sendWithFds(socket: number, bytes: Buffer, fds: number[]): number;
  receiveWithFds(socket: number, buffer: Buffer, flags: number): { bytes: number; fds: number[] };
  poll(pairs: number[], timeoutMs: number): number[];
}

export const MFD = { CLOEXEC: 1, ALLOW_SEALING: 2 } as const;
export const SOCK = { STREAM: 1, SEQPACKET: 5, NONBLOCK: 0o4000 } as const;
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;
export const POLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, NVAL: 32 } as const;
export const F = {
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  SETPIPE_SZ: 1031,
  ADD_SEALS: 1033,
} as const;
export const FD_CLOEXEC = 1;
export const SEAL = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8 } as const;
export const MSG_DONTWAIT = 0x40;

const calls = () => nativeAddon<DescriptorCalls>();

/** memfd_create(2). Returns the descriptor. */
export const memfdCreate = (name: string, flags: number) => calls().memfdCreate(name, flags);
/** fcntl(2) with an integer argument. */
export const fcntl = (fd: number, command: number, argument = 0) =>
  calls().fcntl(fd, command, argument);
/** flock(2). Blocks unless LOCK.NB is given. */
export const flock = (fd: number, operation: number) => calls().flock(fd, operation);
/** socketpair(2) of AF_UNIX; both ends are close-on-exec. */
export const socketpair = (type: number) => calls().socketpair(type);
/** sendmsg(2) with SCM_RIGHTS. Returns the number of bytes sent. */
export const sendWithFds = (socket: number, bytes: Buffer, fds: number[]) =>
  calls().sendWithFds(socket, bytes, fds);
/** recvmsg(2) with SCM_RIGHTS; received descriptors are close-on-exec and belong to the caller. */
export const receiveWithFds = (socket: number, buffer: Buffer, flags = 0) =>
  calls().receiveWithFds(socket, buffer, flags);
/** poll(2) over [fd, events, …]. Blocks this thread for `timeoutMs` at most. Gives the revents. */
export const poll = (pairs: number[], timeoutMs: number) => calls().poll(pairs, timeoutMs);
