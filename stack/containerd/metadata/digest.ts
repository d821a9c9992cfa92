import { refuse } from "./refusal.ts";

const HEX_LENGTH: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };

export interface Digest {
  algorithm: string;
  hex: string;
}

/** Takes a digest apart; throws "invalid_argument" for anything that is none: it becomes a path. */
export function parseDigest(digest: string, what = "content digest"): Digest {
  const match = /^([a-z0-9]+):([0-9a-f]+)$/.exec(digest);
  const [, algorithm = "", hex = ""] = match ?? [];
  const length = HEX_LENGTH[algorithm];
  if (match && length === undefined) {
    throw refuse(
      "invalid_argument",
      `${what} ${JSON.stringify(digest)}: unsupported digest algorithm`,
    );
  }
  if (!match || hex.length !== length) {
    throw refuse(
      "invalid_argument",
      `${what} ${JSON.stringify(digest)}: invalid checksum digest format`,
    );
  }
  return { algorithm, hex };
}
