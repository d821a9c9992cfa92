/** `catena-runc`: the OCI runtime's command line. */
export function main(_args: string[]): void {
  throw new Error("under construction");
}
