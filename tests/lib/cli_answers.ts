/** Splits a command line into words, quotes as a shell has them. */
export function commandWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** Makes what differs from run to run, or is ours alone, the same. */
export function normalizedAnswer(text: string): string {
  return (
    text
      // What the CLI logs of its own tar, when the daemon refuses it early enough.
      .replace(/^time="[^"]*" level=error msg="Can't .*\n/gm, "")
      .replace(/ — .*?\(catena explain [a-z0-9]+\)/g, "")
      .replace(/( \[[a-z-]+\])? \(catena explain [a-z0-9]+\)/g, "")
      .replace(/\b[0-9a-f]{64}\b/g, "ID")
      // The full stop is the CLI's own: older ones set one.
      .replace(/: operation [0-9]+ of [0-9]+.*?(\.?)$/gm, ": unknown$1")
      .replace("failed to create task for container: ", "")
      .replace("runc create failed: ", "")
      .toLowerCase()
  );
}
