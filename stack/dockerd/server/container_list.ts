import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerListOptions, Filters } from "#wire/docker-api/engine.ts";
import type { ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import type { Container } from "../container/container.ts";
import { mountPoints } from "../container/container_record.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter, matchesLabels } from "../filters.ts";
import { familiarName } from "../images/reference.ts";
import { linkNames } from "../network/links.ts";
import { endpointViews, isOnNetwork, portViews } from "../network/network_view.ts";
import { parsePortKey } from "../network/port_wish.ts";
import { invalid } from "../refusals.ts";
import { containerSizes } from "./container_size.ts";
import { statusLine } from "./status_line.ts";

const KNOWN = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
];
const STATUSES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

/** GET /containers/json */
export async function containerList(
  daemon: Daemon,
  options: ContainerListOptions,
  context: CallContext,
): Promise<ContainerSummary[]> {
  const { filters } = options;
  checkFilters(filters, KNOWN);
  checkValues(filters);
  for (const status of filters["status"] ?? []) {
    if (!STATUSES.includes(status)) {
      throw invalid("list containers", `invalid filter 'status=${status}'`);
    }
  }
  const all = options.all || options.limit > 0 || "status" in filters || "exited" in filters;
  const names = await imageNames(daemon, filters, context);
  const byAge = daemon.containers
    .all()
    .sort((a, b) => (a.record.created < b.record.created ? 1 : -1));
  const found = byAge.filter(
    (container) =>
      (all || container.record.state.running) && matches(daemon, container, filters, names),
  );
  const shown = options.limit > 0 ? found.slice(0, options.limit) : found;
  const linked = linkNames(daemon);
  const out: ContainerSummary[] = [];
  for (const container of shown) {
    const item = await summary(daemon, container, options.size, context);
    item.Names.push(...(linked.get(container.id) ?? []));
    out.push(item);
  }
  return out;
}

/** Refuses values that no container can have, in dockerd's words. */
function checkValues(filters: Filters): void {
  const op = "list containers";
  for (const code of filters["exited"] ?? []) {
    if (!/^[+-]?[0-9]+$/.test(code)) {
      throw invalid(op, `strconv.Atoi: parsing ${JSON.stringify(code)}: invalid syntax`);
    }
  }
  for (const health of filters["health"] ?? []) {
    if (!HEALTHS.includes(health)) {
      throw invalid(op, `unrecognised filter value for health: ${health}`);
    }
  }
}

const HEALTHS = ["none", "starting", "healthy", "unhealthy"];

/** Ids of the images that `ancestor` names. */
async function imageNames(
  daemon: Daemon,
  filters: Filters,
  context: CallContext,
): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const name of filters["ancestor"] ?? []) {
    const image = await daemon.images.find(name, daemon.call(context)).catch(() => undefined);
    if (image) ids.add(image.id);
  }
  return ids;
}

function matches(
  daemon: Daemon,
  container: Container,
  filters: Filters,
  ancestors: Set<string>,
): boolean {
  const { record } = container;
  return Object.entries(filters).every(([key, values]) => {
    switch (key) {
      case "id":
        return values.some((value) => record.id.startsWith(value));
      case "name":
        return values.some((value) => nameMatches(record.name, value));
      case "label":
        return matchesLabels(record.config.Labels, values);
      case "status":
        return values.includes(container.status);
      case "exited":
        return (
          container.status === "exited" &&
          values.some((code) => Number(code) === record.state.exitCode)
        );
      case "ancestor":
        return ancestors.has(record.imageId);
      case "health":
        return values.includes(record.state.health?.Status ?? "none");
      case "before":
        return values.every((ref) => record.created < daemon.find(ref).record.created);
      case "since":
        return values.every((ref) => record.created > daemon.find(ref).record.created);
      case "network":
        return values.some((value) => isOnNetwork(daemon, container, value));
      case "volume":
        return values.some((value) =>
          record.mounts.some((mount) =>
            [mount.Name, mount.Source, mount.Destination].includes(value),
          ),
        );
      case "is-task":
        return flagFilter(filters, key) === false;
      case "isolation":
        return values.includes("default");
      default:
        return values.some((value) => portMatches(container, key === "publish", value));
    }
  });
}

/** `publish=80`, `expose=8000-8080/tcp`: a port of the container, or where it is published. */
function portMatches(container: Container, published: boolean, value: string): boolean {
  const { first, last, protocol } = parsePortKey(value);
  return portViews(container).some(({ PrivatePort, PublicPort, Type }) => {
    const port = published ? PublicPort : PrivatePort;
    return port !== undefined && Type === protocol && port >= first && port <= last;
  });
}

/** dockerd takes the value as a regular expression, with or without the leading slash. */
function nameMatches(name: string, value: string): boolean {
  try {
    const pattern = new RegExp(value);
    return pattern.test(`/${name}`) || pattern.test(name);
  } catch {
    throw invalid("list containers", `invalid filter 'name=${value}'`);
  }
}

async function summary(
  daemon: Daemon,
  container: Container,
  size: boolean,
  context: CallContext,
): Promise<ContainerSummary> {
  const { record } = container;
  const out: ContainerSummary = {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: familiarName(record.config.Image ?? ""),
    ImageID: record.imageId,
    Command: commandText(record.args),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: portViews(container),
    Labels: record.config.Labels ?? {},
    State: container.status,
    Status: statusLine(container, Date.now()),
    HostConfig: { NetworkMode: record.hostConfig.NetworkMode ?? "default" },
    NetworkSettings: { Networks: endpointViews(daemon, container) },
    Mounts: mountPoints(record),
  };
  if (size) Object.assign(out, await sizesOf(daemon, container, context));
  return out;
}

/** None of a container whose files a removal has taken already: the others are still listed. */
async function sizesOf(daemon: Daemon, container: Container, context: CallContext) {
  try {
    return await containerSizes(daemon, container, context);
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "not_found") return {};
    throw error;
  }
}

/** The command as `ps` shows it: arguments with spaces are quoted. */
function commandText(args: readonly string[]): string {
  const quoted = args.slice(1).map((arg) => (arg.includes(" ") ? `'${arg}'` : arg));
  return [args[0] ?? "", ...quoted].join(" ");
}
