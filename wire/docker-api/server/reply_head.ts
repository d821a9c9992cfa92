import { STATUS_CODES } from "node:http";

/** Head of a reply on a connection that left HTTP behind. */
export function headText(status: number, headers: Record<string, string | number>): string {
  const phrase = status === 101 ? "UPGRADED" : (STATUS_CODES[status] ?? "Unknown");
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${phrase}\r\n${lines.join("")}\r\n`;
}
