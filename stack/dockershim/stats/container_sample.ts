import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerStats } from "#wire/docker-api/types/container_stats.ts";
import type { Dockershim } from "../dockershim.ts";
import { pause } from "../logs/container_log.ts";
import { ifPresent } from "../refusals.ts";

/** How often Docker is asked again for a sample of a container that it says runs. */
const ATTEMPTS = 5;
const RETRY_MS = 100;
/** States from which a container does not come back. */
const LEAVING: readonly string[] = ["removing", "dead"];

/**
 * What Docker says of a container's use: a sample, `stopped` when there is nothing to sample,
 * `gone`, or `failed`: it runs, and Docker has no sample.
 */
export type Sampled =
  | { is: "sampled"; sample: ContainerStats }
  | { is: "stopped" | "gone" }
  | { is: "failed"; error: unknown };

/**
 * One sample of a container. Docker fails in many ways to sample one that dies or is removed in
 * that moment (an answer without a sample, 404, 409, 500), and notes the death a little later: so
 * what has failed is looked at, and tried again while it runs. Throws when Docker does not answer
 * that look, or the caller has left.
 */
export async function sampleContainer(
  shim: Dockershim,
  id: string,
  context: CallContext,
): Promise<Sampled> {
  let error: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(RETRY_MS, shim.closing.signal);
    try {
      return { is: "sampled", sample: await oneSample(shim, id, context) };
    } catch (thrown) {
      if (context.signal?.aborted) throw thrown;
      error = thrown;
    }
    const found = await ifPresent(shim.engine.containerInspect(id, false, shim.look(context)));
    if (!found || LEAVING.includes(found.State.Status)) return { is: "gone" };
    if (!found.State.Running) return { is: "stopped" };
  }
  return { is: "failed", error };
}

async function oneSample(
  shim: Dockershim,
  id: string,
  context: CallContext,
): Promise<ContainerStats> {
  const options = { stream: false, oneShot: true };
  const samples = await shim.engine.containerStats(id, options, shim.look(context));
  for await (const sample of samples) return sample;
  throw new RangeError(`docker sent no sample of container ${id}`);
}
