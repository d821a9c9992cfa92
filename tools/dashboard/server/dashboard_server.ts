import { join } from "node:path";
import { sharePath } from "#lib/install/install_paths.ts";
import { compareTraces } from "#tools/cli/trace/compare_traces.ts";
import type { Monitor } from "#tools/monitor/monitor.ts";
import type { SeriesReply } from "../model.ts";
import { containerSeries } from "./container_series.ts";
import { diagnose } from "./diagnose.ts";
import { eventStream } from "./event_stream.ts";
import { FailureShelf } from "./failure_shelf.ts";
import { LiveFeed } from "./live_feed.ts";
import { SessionGuard } from "./session_guard.ts";
import { TraceShelf } from "./trace_shelf.ts";
import { WatchedFailures } from "./watched_failures.ts";

export interface DashboardServer {
  /** With the token: to be shown to the person who started it and to nobody else. */
  url: string;
  close(): Promise<void>;
}

/** The page's own files, and their types. */
const FILES: Record<string, string> = {
  "/": "index.html",
  "/app.js": "app.js",
  "/app.css": "app.css",
};
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

/** Nothing but our own files, no frame around us, no guess at types. */
const PROTECTION = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** Serves the dashboard of a running monitor on the loopback. `port` 0 takes a free one. */
export function serveDashboard(monitor: Monitor, port: number): DashboardServer {
  const { stateDir } = monitor.options;
  const guard = new SessionGuard();
  const traces = new TraceShelf(stateDir);
  const watched = new WatchedFailures(stateDir);
  const failures = new FailureShelf(stateDir, watched);
  const feed = new LiveFeed(monitor, traces, failures);
  feed.start();
  watched.start();
  const routes: Record<string, (query: URLSearchParams) => unknown> = {
    "/api/series": (query): Promise<SeriesReply | undefined> =>
      containerSeries(monitor, query.get("key") ?? "", query.get("span") ?? ""),
    "/api/waterfall": (query) => traces.waterfall(query.get("id") ?? ""),
    "/api/compare": (query) => {
      const left = traces.trace(query.get("left") ?? "");
      const right = traces.trace(query.get("right") ?? "");
      return left && right && compareTraces(left, right);
    },
    "/api/failure": (query) => failures.detail(query.get("id") ?? ""),
  };
  const answer = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const file = FILES[pathname];
    if (file && request.method === "GET") return pageFile(file);
    if (pathname === "/api/live" && request.method === "GET") {
      server.timeout(request, 0);
      return eventStream(feed, request.signal);
    }
    if (pathname === "/api/diagnose") {
      // It costs the host something: a link that somebody clicks must not start it.
      if (request.method !== "POST") return new Response("only POST\n", { status: 405 });
      return Response.json(await diagnose(monitor, searchParams.get("key") ?? ""));
    }
    const body = request.method === "GET" ? await routes[pathname]?.(searchParams) : undefined;
    return body === undefined ? new Response("not found\n", { status: 404 }) : Response.json(body);
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch: async (request): Promise<Response> => {
      const admission = guard.admit(request, server.port!);
      const response = admission.pass ? await answer(request) : admission.response;
      for (const [name, value] of Object.entries(PROTECTION)) response.headers.set(name, value);
      return response;
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/?token=${guard.token}`,
    close: async () => {
      feed.stop();
      watched.close();
      await server.stop(true);
    },
  };
}

function pageFile(name: string): Response {
  const file = Bun.file(join(sharePath("dashboard"), name));
  const type = TYPES[name.slice(name.lastIndexOf(".") + 1)]!;
  return new Response(file, { headers: { "Content-Type": type } });
}
