/** `containerd-shim-catena-v2`: the shim, its `start` and its `delete`. */
export function main(_args: string[]): void {
  throw new Error("under construction");
}
