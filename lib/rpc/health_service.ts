import { type Health, HealthCheckResponse_ServingStatus } from "#gen/lib/rpc/proto/health_pb.ts";
import type { ServiceImplementation } from "./service.ts";

const { SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

/**
 * The health service of a server that serves all of its services as long as it listens. Clients of
 * containerd ask it before they subscribe to events again.
 */
export function healthService(services: readonly string[]): ServiceImplementation<typeof Health> {
  const statusOf = (service: string) =>
    service === "" || services.includes(service) ? SERVING : SERVICE_UNKNOWN;
  return {
    check: async ({ service }) => ({ status: statusOf(service) }),
    watch: async function* ({ service }, { signal }) {
      yield { status: statusOf(service) };
      // It never changes: the stream lasts until the client leaves.
      if (signal && !signal.aborted) {
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    },
  };
}
