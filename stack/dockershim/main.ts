import { ImageService } from "#gen/wire/cri/proto/image_service_pb.ts";
import { tracedService } from "#lib/rpc/traced_service.ts";
import type { CriImplementation } from "#wire/cri/services.ts";
import { Dockershim, type DockershimOptions } from "./dockershim.ts";
import {
  imageFsInfo,
  imageStatus,
  listImages,
  pullImage,
  removeImage,
} from "./server/image_service.ts";
import { runtimeService } from "./server/runtime_service.ts";

export type { DockershimOptions } from "./dockershim.ts";
export type { NetworkChoice } from "./network/pod_network.ts";

/** A running dockershim: both services of the CRI, and what ends it. Pods run on after `close`. */
export interface RunningDockershim {
  services: CriImplementation;
  close(): Promise<void>;
}

/**
 * Brings a dockershim up on a Docker Engine: opens its streaming server, goes on with the logs of
 * pods that an earlier one started. Rejects when the streaming server cannot listen; a Docker that
 * does not answer is told by Status.
 */
export async function createDockershim(options: DockershimOptions): Promise<RunningDockershim> {
  const shim = new Dockershim(options);
  await shim.streaming.listen();
  const recovered = shim.recover();
  const following = shim.ooms.follow();
  return {
    services: {
      runtime: runtimeService(shim),
      image: tracedService(
        ImageService,
        {
          listImages: (request, context) => listImages(shim, request, context),
          imageStatus: (request, context) => imageStatus(shim, request, context),
          pullImage: (request, context) => pullImage(shim, request, context),
          removeImage: (request, context) => removeImage(shim, request, context),
          imageFsInfo: (_, context) => imageFsInfo(shim, context),
        },
        shim.tracer,
      ),
    },
    close: async () => {
      shim.closing.abort();
      await Promise.all([recovered, following]);
      await shim.streaming.close();
      await shim.logs.close();
    },
  };
}
