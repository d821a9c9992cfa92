import type { Exchange } from "./exchange.ts";

/** One operation of the API. `{name}` in a path takes everything up to the next fixed part. */
export interface Route {
  method: string;
  /** "/containers/{}/json": `{}` matches any text, slashes included, and becomes a parameter. */
  path: string;
  /** Name of the request's span. */
  name: string;
  handle(exchange: Exchange): Promise<void> | void;
}

interface CompiledRoute {
  route: Route;
  pattern: RegExp;
}

export interface RouteMatch {
  route: Route;
  params: string[];
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Finds the route of a request: fixed paths by table, others by pattern, in order. */
export class RouteTable {
  readonly #fixed = new Map<string, Route>();
  readonly #patterns = new Map<string, CompiledRoute[]>();

  constructor(routes: Route[]) {
    for (const route of routes) {
      if (!route.path.includes("{}")) {
        this.#fixed.set(`${route.method} ${route.path}`, route);
        continue;
      }
      const source = route.path.split("{}").map(escaped).join("(.*)");
      const list = this.#patterns.get(route.method) ?? [];
      list.push({ route, pattern: new RegExp(`^${source}$`, "s") });
      this.#patterns.set(route.method, list);
    }
  }

  /** Takes the path without its version prefix. Parameters are still percent-encoded. */
  find(method: string, path: string): RouteMatch | undefined {
    const fixed = this.#fixed.get(`${method} ${path}`);
    if (fixed) return { route: fixed, params: [] };
    for (const { route, pattern } of this.#patterns.get(method) ?? []) {
      const match = pattern.exec(path);
      if (match) return { route, params: match.slice(1) };
    }
    return undefined;
  }
}
