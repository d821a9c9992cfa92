import { cadvisorFamilies } from "../stats/cadvisor_metrics.ts";
import { kubeletFamilies } from "../stats/kubelet_metrics.ts";
import { metricText } from "../stats/metric_text.ts";
import { statsSummary } from "../stats/stats_summary.ts";
import { eventObject, nodeObject } from "../status/node_status.ts";
import { podObject } from "../status/pod_status.ts";
import { type HttpCall, type HttpRoute, sendJson } from "./http_server.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What can be read of the node and its pods without a token. */
export const stateRoutes: readonly HttpRoute[] = [
  route(/^\/pods\/?$/, listPods),
  route(/^\/runningpods\/?$/, listRunning),
  route(/^\/healthz\/?$/, healthz),
  route(/^\/events\/?$/, listEvents),
  route(/^\/node\/?$/, showNode),
  route(/^\/manifests\/?$/, listManifests),
  route(/^\/metrics\/?$/, metrics),
  route(/^\/metrics\/cadvisor\/?$/, cadvisor),
  route(/^\/stats\/summary\/?$/, summary),
];

function route(path: RegExp, handle: HttpRoute["handle"]): HttpRoute {
  return { method: "GET", path, guarded: false, handle };
}

function scope({ api, trusted }: HttpCall) {
  return { node: api.context.node, health: api.context.watch.health, trusted };
}

async function listPods(call: HttpCall): Promise<void> {
  const items = call.api.pods.views().map((view) => podObject(view, scope(call)));
  sendJson(call.response, { kind: "PodList", apiVersion: "v1", metadata: {}, items });
}

/** Only what the runtime says that runs, with only what it knows. */
async function listRunning(call: HttpCall): Promise<void> {
  const { sandboxes, containers } = call.api.context.watch.all();
  const items = sandboxes
    .filter(({ ready }) => ready)
    .map(({ id, name, namespace, uid }) => ({
      metadata: { name, namespace, uid, annotations: { "catena.dev/sandbox": id } },
      spec: {
        containers: containers
          .filter((one) => one.sandboxId === id && one.phase === "running")
          .map((one) => ({ name: one.name, image: one.image })),
      },
      status: {},
    }));
  sendJson(call.response, { kind: "PodList", apiVersion: "v1", metadata: {}, items });
}

/**
 * The kubelet's own health. A dead runtime is told in the text and does not make it unhealthy: to
 * start the kubelet again would not help.
 */
async function healthz({ api, response }: HttpCall): Promise<void> {
  const { error } = api.context.watch.health;
  response.writeHead(200, { "content-type": "text/plain" });
  response.end(error ? `ok\ncontainer runtime: ${error.message}\n` : "ok");
}

async function listEvents({ api, response }: HttpCall): Promise<void> {
  const items = api.context.events.list().map((event) => eventObject(event, api.context.node));
  sendJson(response, { kind: "EventList", apiVersion: "v1", metadata: {}, items });
}

async function showNode(call: HttpCall): Promise<void> {
  sendJson(call.response, nodeObject(scope(call)));
}

/** What was read from the source, and what is wrong with it. */
async function listManifests({ api, response }: HttpCall): Promise<void> {
  const items = api.pods.findings().map(({ origin, pod, errors, warnings }) => ({
    origin,
    ...(pod && { pod: `${pod.namespace}/${pod.name}` }),
    errors,
    warnings,
  }));
  sendJson(response, { items });
}

async function metrics({ api, response }: HttpCall): Promise<void> {
  const families = kubeletFamilies({
    views: api.pods.views(),
    calls: api.caller.counts,
    counters: api.counters,
    events: api.context.events,
    runtimeUp: api.context.watch.health.error === undefined,
  });
  response.writeHead(200, { "content-type": METRICS_TYPE });
  response.end(metricText(families));
}

async function cadvisor({ api, response }: HttpCall): Promise<void> {
  const families = cadvisorFamilies(api.pods.views(), api.mounts, api.context.cgroups);
  response.writeHead(200, { "content-type": METRICS_TYPE });
  response.end(metricText(families));
}

async function summary({ api, response }: HttpCall): Promise<void> {
  const { context, pods, mounts } = api;
  sendJson(response, statsSummary(context.node.name, pods.views(), mounts, context.cgroups));
}
