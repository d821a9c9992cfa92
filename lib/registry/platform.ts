import { arch as nodeArch } from "node:process";
import { failure } from "../errors/chain_error.ts";
import type { Descriptor, Platform } from "./manifest.ts";

const GO_ARCH: Record<string, string> = { x64: "amd64", arm64: "arm64", arm: "arm", ia32: "386" };
/** Other names that people give processors. */
const ALIASES: Record<string, Platform> = {
  x86_64: { os: "linux", architecture: "amd64" },
  "x86-64": { os: "linux", architecture: "amd64" },
  aarch64: { os: "linux", architecture: "arm64" },
  i386: { os: "linux", architecture: "386" },
  armhf: { os: "linux", architecture: "arm", variant: "v7" },
  armel: { os: "linux", architecture: "arm", variant: "v6" },
};

/** The platform of this host. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: GO_ARCH[nodeArch] ?? nodeArch };
}

/** Reads `linux/arm/v7`, `arm64`, `linux`; the host's for what is left out. */
export function parsePlatform(text: string): Platform {
  const host = hostPlatform();
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) {
    throw failure({
      layer: "registry",
      op: "read platform",
      code: "invalid_argument",
      message: `${JSON.stringify(text)} is an invalid platform: give OS/ARCH or OS/ARCH/VARIANT`,
    });
  }
  if (parts.length === 1) {
    const [only] = parts as [string];
    return only === "linux" || only === "windows"
      ? { os: only, architecture: host.architecture }
      : normalise({ os: "linux", architecture: only });
  }
  const [os, architecture, variant] = parts as [string, string, string?];
  return normalise({ os, architecture, ...(variant ? { variant } : {}) });
}

function normalise(platform: Platform): Platform {
  const alias = ALIASES[platform.architecture];
  const { variant = alias?.variant } = platform;
  return {
    os: platform.os,
    architecture: alias?.architecture ?? platform.architecture,
    ...(variant ? { variant } : {}),
  };
}

/** Variants that a processor can run, best first: a v7 runs v6 too. */
function runnable({ architecture, variant }: Platform): string[] {
  if (architecture === "arm64") return [variant ?? "v8", "v8", ""];
  if (architecture === "amd64") {
    const level = Number(variant?.slice(1) ?? 1);
    return [...Array.from({ length: level }, (_, at) => `v${level - at}`), ""];
  }
  if (architecture !== "arm") return [variant ?? ""];
  const level = Number(variant?.slice(1) ?? 7);
  return [...Array.from({ length: Math.max(0, level - 4) }, (_, at) => `v${level - at}`), ""];
}

/** The entry of an index that suits a platform best; undefined when there is none. */
export function choosePlatform(
  entries: readonly Descriptor[],
  wanted: Platform,
): Descriptor | undefined {
  const fitting = entries.filter(
    ({ platform }) =>
      platform && platform.os === wanted.os && platform.architecture === wanted.architecture,
  );
  for (const variant of runnable(wanted)) {
    const found = fitting.find(({ platform }) => (platform?.variant ?? "") === variant);
    if (found) return found;
  }
  return entries.find(({ platform }) => !platform);
}

export const platformText = ({ os, architecture, variant }: Platform) =>
  [os, architecture, variant].filter(Boolean).join("/");
