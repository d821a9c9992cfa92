/** `catena`: daemons and tools. */
export function main(_args: string[]): void {
  throw new Error("under construction");
}
