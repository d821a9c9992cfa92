import type { CommandResult } from "../lib/command.ts";
import type { TerminalSession, TerminalSize } from "../lib/terminal_session.ts";

export interface ContainerOptions {
  name: string;
  command: string[];
  /** What it reads; without it stdin is at its end from the start. */
  stdin?: string;
  pidsLimit?: number;
}

export interface ExecOptions {
  command: string[];
  stdin?: string;
}

export type ContainerStatus = "running" | "paused" | "stopped" | "absent";

/** What the swap scenario asks of the program at the head of a chain: the docker CLI, or ctr. */
export interface ChainClient {
  /** Brings the busybox image in. */
  importImage(): Promise<void>;
  /** Runs a container to its end, attached, and removes it. */
  runAttached(options: ContainerOptions): Promise<CommandResult>;
  /** Starts a container and leaves it running. */
  runDetached(options: ContainerOptions): Promise<void>;
  exec(name: string, options: ExecOptions): Promise<CommandResult>;
  /** A shell in the container, on a terminal. */
  execTerminal(name: string, size: TerminalSize): TerminalSession;
  /** What the container wrote so far: stdout and stderr. */
  logs(name: string): Promise<string>;
  kill(name: string, signal: string): Promise<void>;
  /** Waits for the container's end. Returns its exit code. */
  wait(name: string): Promise<number>;
  pause(name: string): Promise<void>;
  unpause(name: string): Promise<void>;
  setPidsLimit(name: string, limit: number): Promise<void>;
  /** Removes it, running or not. */
  remove(name: string): Promise<void>;
  status(name: string): Promise<ContainerStatus>;
  /** The process id of the container's init on the host. */
  initPid(name: string): Promise<number>;
}
