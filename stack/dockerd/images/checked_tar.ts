import type { ByteStream } from "#wire/docker-api/engine.ts";
import { TarWalk } from "./tar_walk.ts";

/** Passes a tar on, and fails before its end is reached when it is damaged or cut short. */
export async function* checkedTar(data: ByteStream): ByteStream {
  const walk = new TarWalk();
  for await (const part of data) {
    walk.push(part);
    yield part;
  }
  walk.end();
}
