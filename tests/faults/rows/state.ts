import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { BOTH, type FaultRow, type Patient, patient } from "../fault_row.ts";
import type { FaultStack } from "../fault_stack.ts";

/** A container with one of its folders or files moved away until it is healed. */
async function without(
  stack: FaultStack,
  pathOf: (stack: FaultStack, id: string) => string,
): Promise<Patient> {
  const name = await stack.run([]);
  const path = pathOf(stack, await stack.inspect(name, "{{.Id}}"));
  renameSync(path, `${path}.away`);
  return {
    container: name,
    heal: async () => {
      renameSync(`${path}.away`, path);
      await stack.remove(name);
    },
  };
}

/** Where the runtime keeps a container's state. */
export function stateFolder(stack: FaultStack, id: string): string {
  return stack.kind === "catena"
    ? `/run/containerd/runc/moby/${id}`
    : stack.sandbox.path("dockerd", "exec", "runtime-runc", "moby", id);
}

/** A container's bundle, which containerd made. */
export function bundleFolder(stack: FaultStack, id: string): string {
  const state =
    stack.kind === "catena"
      ? stack.sandbox.path("catena-daemon", "state", "containerd")
      : stack.sandbox.path("containerd", "state");
  return `${state}/io.containerd.runtime.v2.task/moby/${id}`;
}

export const stateMissing: FaultRow = {
  id: "state-missing",
  link: "runtime state",
  injection: "the runtime's state folder moved away",
  stacks: BOTH,
  inject: (stack) => without(stack, stateFolder),
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

export const stateDamaged: FaultRow = {
  id: "state-damaged",
  link: "runtime state",
  injection: "state.json torn in the middle",
  stacks: BOTH,
  async inject(stack) {
    const name = await stack.run([]);
    const path = `${stateFolder(stack, await stack.inspect(name, "{{.Id}}"))}/state.json`;
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, whole.slice(0, whole.length / 2));
    return {
      container: name,
      heal: async () => {
        writeFileSync(path, whole);
        await stack.remove(name);
      },
    };
  },
  async lookAlike(stack) {
    const name = await stack.run([]);
    const path = `${stateFolder(stack, await stack.inspect(name, "{{.Id}}"))}/state.json`;
    const state = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify(state, null, 4));
    return patient(stack, name);
  },
};

export const bundleMissing: FaultRow = {
  id: "bundle-missing",
  link: "runtime state",
  injection: "the bundle moved away",
  stacks: BOTH,
  inject: (stack) => without(stack, bundleFolder),
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

export const socketGone: FaultRow = {
  id: "socket-gone",
  link: "containerd",
  injection: "containerd's socket file moved away",
  stacks: BOTH,
  noError: "our dockerd calls containerd by a method; who needs the socket is not ours",
  inject: (stack) => without(stack, () => stack.containerdSocket),
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};
