import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import { invalid } from "../refusals.ts";

const bad = (text: string, reason: string) =>
  invalid("apply changes", `invalid change ${JSON.stringify(text)}: ${reason}`);

/** `["a", "b"]` as it is, anything else through the shell. */
function commandForm(rest: string): string[] {
  if (rest.startsWith("[")) {
    try {
      const value: unknown = JSON.parse(rest);
      if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    } catch {
      // Not JSON: a shell command that begins with a bracket.
    }
  }
  return ["/bin/sh", "-c", rest];
}

/** Words, with quotes and backslashes as the Dockerfile language has them. */
function words(text: string): string[] {
  const out: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    out.push(match[0].replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g, unquote));
  }
  return out;
}

const unquote = (_: string, escaped?: string, double?: string, single?: string) =>
  escaped ?? double?.replace(/\\(.)/g, "$1") ?? single ?? "";

function pairs(rest: string, text: string): [string, string][] {
  const parts = words(rest);
  if (!parts[0]?.includes("=")) {
    const [key, ...value] = parts;
    if (!key || value.length === 0) throw bad(text, "a name and a value are needed");
    return [[key, value.join(" ")]];
  }
  return parts.map((part) => {
    const at = part.indexOf("=");
    if (at < 1) throw bad(text, `${part} is not NAME=value`);
    return [part.slice(0, at), part.slice(at + 1)];
  });
}

function port(text: string): string {
  return text.includes("/") ? text.toLowerCase() : `${text}/tcp`;
}

/** Applies `--change` instructions (CMD, ENTRYPOINT, ENV, …) to an image's configuration. */
export function applyChanges(base: ContainerConfig, changes: readonly string[]): ContainerConfig {
  const config: ContainerConfig = { ...base };
  for (const text of changes) {
    const match = text.trim().match(/^([A-Za-z]+)\s+([\s\S]*)$/);
    if (!match) throw bad(text, "an instruction and its value are needed");
    applyOne(config, match[1]!.toUpperCase(), match[2]!.trim(), text);
  }
  return config;
}

function applyOne(config: ContainerConfig, name: string, rest: string, text: string): void {
  switch (name) {
    case "CMD":
      config.Cmd = commandForm(rest);
      return;
    case "ENTRYPOINT":
      config.Entrypoint = commandForm(rest);
      return;
    case "ENV": {
      const given = pairs(rest, text);
      const names = new Set(given.map(([key]) => key));
      const kept = (config.Env ?? []).filter((entry) => !names.has(entry.split("=", 1)[0]!));
      config.Env = [...kept, ...given.map(([key, value]) => `${key}=${value}`)];
      return;
    }
    case "LABEL":
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(rest, text)) };
      return;
    case "EXPOSE":
      config.ExposedPorts = { ...config.ExposedPorts };
      for (const word of words(rest)) config.ExposedPorts[port(word)] = {};
      return;
    case "VOLUME": {
      const paths = rest.startsWith("[") ? commandForm(rest) : words(rest);
      config.Volumes = { ...config.Volumes };
      for (const path of paths) config.Volumes[path] = {};
      return;
    }
    case "USER":
      config.User = rest;
      return;
    case "WORKDIR":
      config.WorkingDir = rest.startsWith("/") ? rest : `${config.WorkingDir ?? ""}/${rest}`;
      return;
    case "STOPSIGNAL":
      config.StopSignal = rest;
      return;
    case "ONBUILD":
      config.OnBuild = [...(config.OnBuild ?? []), rest];
      return;
    default:
      throw bad(text, `${name} is not a valid change command`);
  }
}
