/** __SO_ACCEPTCON among a socket's flags. */
const ACCEPTS_CONNECTIONS = 0x10000;

/**
 * The unix sockets that somebody listens on: inode numbers by path.
 * @param text - /proc/net/unix (proc(5))
 */
export function parseListeningSockets(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of text.split("\n").slice(1)) {
    const match = line.match(/^\S+ \S+ \S+ (\S+) \S+ \S+ +([0-9]+) (.+)$/);
    if (!match) continue;
    if ((Number.parseInt(match[1]!, 16) & ACCEPTS_CONNECTIONS) === 0) continue;
    out.set(match[3]!, match[2]!);
  }
  return out;
}
