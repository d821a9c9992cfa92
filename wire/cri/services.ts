import type { DescService } from "@bufbuild/protobuf";
import { ImageService } from "#gen/wire/cri/proto/image_service_pb.ts";
import { RuntimeService } from "#gen/wire/cri/proto/runtime_service_pb.ts";
import type { ServiceClient, ServiceImplementation } from "#lib/rpc/service.ts";

/** Both services of the Container Runtime Interface. */
export const CRI_SERVICES = {
  runtime: RuntimeService,
  image: ImageService,
} as const satisfies Record<string, DescService>;

type Services = typeof CRI_SERVICES;

/** The CRI from a client's side, over a socket or in process. */
export type CriServices = { [K in keyof Services]: ServiceClient<Services[K]> };

/** The CRI as a box implements it. */
export type CriImplementation = { [K in keyof Services]: ServiceImplementation<Services[K]> };

/** kubelets up to 1.22 speak v1alpha2 alone, from 1.26 on v1 alone. */
export type CriVersion = "v1" | "v1alpha2";
export const CRI_VERSIONS: readonly CriVersion[] = ["v1", "v1alpha2"];

/**
 * A service under the package of a CRI version. v1alpha2 differs from v1 in the package's name and
 * in fields that it lacks, so that one set of messages serves both.
 */
export function servicesOf(version: CriVersion): Services {
  if (version === "v1") return CRI_SERVICES;
  return {
    runtime: { ...RuntimeService, typeName: named(version, RuntimeService) } as Services["runtime"],
    image: { ...ImageService, typeName: named(version, ImageService) } as Services["image"],
  };
}

function named(version: CriVersion, service: DescService): string {
  return `runtime.${version}.${service.name}`;
}
