import type { Filters } from "#wire/docker-api/engine.ts";
import type { NetworkCreateBody, NetworkView } from "#wire/docker-api/types/network.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, matchesLabels } from "../filters.ts";
import { PREDEFINED } from "../network/network_mode.ts";
import { networkView } from "../network/network_view.ts";
import { forbidden, invalid, notFound, unsupported } from "../refusals.ts";

const KNOWN = ["driver", "id", "label", "name", "scope", "type", "dangling"];

/** GET /networks */
export async function networkList(daemon: Daemon, filters: Filters): Promise<NetworkView[]> {
  checkFilters(filters, KNOWN);
  return PREDEFINED.map((name) => networkView(daemon, name))
    .map((view) => ({ ...view, Containers: {} }))
    .filter((view) => matches(view, filters));
}

function matches(view: NetworkView, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    switch (key) {
      case "driver":
        return values.includes(view.Driver);
      case "id":
        return values.some((value) => view.Id.startsWith(value));
      case "name":
        return values.some((value) => view.Name.includes(value));
      case "scope":
        return values.includes(view.Scope);
      case "label":
        return matchesLabels(view.Labels, values);
      case "type":
        return values.includes("builtin");
      default:
        return values.includes("false");
    }
  });
}

function find(daemon: Daemon, ref: string): NetworkView {
  const views = PREDEFINED.map((name) => networkView(daemon, name));
  const found =
    views.find((view) => view.Name === ref || view.Id === ref) ??
    views.filter((view) => /^[a-f0-9]+$/.test(ref) && view.Id.startsWith(ref))[0];
  if (!found) throw notFound("find network", `network ${ref} not found`);
  return found;
}

/** GET /networks/ID */
export async function networkInspect(daemon: Daemon, ref: string): Promise<NetworkView> {
  return find(daemon, ref);
}

/** POST /networks/create */
export async function networkCreate(body: NetworkCreateBody): Promise<never> {
  const op = "create network";
  if (!body.Name) throw invalid(op, "network name cannot be empty");
  if (PREDEFINED.includes(body.Name)) {
    throw forbidden(op, `operation is not permitted on predefined ${body.Name} network`);
  }
  throw unsupported(op, "user-defined networks are not supported by this daemon");
}

/** DELETE /networks/ID */
export async function networkRemove(daemon: Daemon, ref: string): Promise<never> {
  const { Name } = find(daemon, ref);
  throw forbidden("remove network", `${Name} is a pre-defined network and cannot be removed`);
}
