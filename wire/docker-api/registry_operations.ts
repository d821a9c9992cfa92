import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "./engine.ts";
import type { ProgressMessage } from "./types/image.ts";
import type {
  AuthReply,
  DistributionInspect,
  RegistryAuth,
  SearchResult,
} from "./types/registry.ts";

/** What of the Docker Engine asks a registry. */
export interface RegistryOperations {
  /** Fetches an image; with an empty `tag` and a bare name, all of the repository. */
  imagePull(
    image: string,
    tag: string,
    platform: string,
    context: CallContext,
    auth?: RegistryAuth,
  ): AsyncIterable<ProgressMessage>;
  /** Sends an image to its registry; without a tag, every image of the repository. */
  imagePush(
    name: string,
    tag: string,
    context: CallContext,
    auth?: RegistryAuth,
  ): AsyncIterable<ProgressMessage>;
  imageSearch(
    options: { term: string; limit?: number; filters: Filters },
    context: CallContext,
    auth?: RegistryAuth,
  ): Promise<SearchResult[]>;
  /** What a registry has under a name, without fetching it. */
  distributionInspect(
    name: string,
    context: CallContext,
    auth?: RegistryAuth,
  ): Promise<DistributionInspect>;
  /** Asks a registry whether it accepts credentials. */
  registryLogin(auth: RegistryAuth, context: CallContext): Promise<AuthReply>;
}
