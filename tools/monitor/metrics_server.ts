import { chmodSync, rmSync } from "node:fs";
import { collectMetrics } from "./metric_table.ts";
import type { Monitor } from "./monitor.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "./prometheus_text.ts";

/** Where metrics are served: a unix socket, or a port on this host alone. */
export type MetricsAddress = { socketPath: string } | { port: number };

export interface MetricsServer {
  /** As a scraper would call it. */
  url: string;
  close(): Promise<void>;
}

/** Serves `/metrics` of a monitor. The socket is for root and its group only. */
export function serveMetrics(monitor: Monitor, address: MetricsAddress): MetricsServer {
  const fetch = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/metrics") return new Response("not found\n", { status: 404 });
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("only GET\n", { status: 405, headers: { Allow: "GET, HEAD" } });
    }
    const text = prometheusText(collectMetrics(monitor));
    return new Response(text, { headers: { "Content-Type": PROMETHEUS_CONTENT_TYPE } });
  };
  if ("port" in address) {
    const server = Bun.serve({ hostname: "127.0.0.1", port: address.port, fetch });
    const url = `http://127.0.0.1:${server.port}/metrics`;
    return { url, close: () => server.stop(true) };
  }
  const { socketPath } = address;
  rmSync(socketPath, { force: true });
  const mask = process.umask(0o117);
  try {
    const server = Bun.serve({ unix: socketPath, fetch });
    chmodSync(socketPath, 0o660);
    return {
      url: `unix://${socketPath}`,
      close: async () => {
        await server.stop(true);
        rmSync(socketPath, { force: true });
      },
    };
  } finally {
    process.umask(mask);
  }
}
