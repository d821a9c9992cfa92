import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { tarExtract } from "#lib/tar/tar_extract.ts";
import type { DockerHost } from "./docker_host.ts";

/** Settings of an image that both daemons must agree on. */
const SETTINGS = [
  "User",
  "ExposedPorts",
  "Env",
  "Cmd",
  "Healthcheck",
  "Volumes",
  "WorkingDir",
  "Entrypoint",
  "OnBuild",
  "Labels",
  "StopSignal",
  "Shell",
];

/** What a runtime puts into a root, and what is made of the host's. */
const NOT_THE_IMAGES = /^(dev|proc|sys|\.dockerenv$|etc\/(hosts|hostname|resolv\.conf|mtab)$)/;

/** An image's configuration and history, without what differs by time or by chance. */
export async function configFacts(docker: DockerHost, image: string): Promise<object> {
  const [found] = JSON.parse(await docker.run("image", "inspect", image));
  const config: Record<string, unknown> = {};
  for (const name of SETTINGS) {
    const value = found.Config[name];
    const isEmpty = value === "" || (typeof value === "object" && isEmptyObject(value));
    if (value !== undefined && value !== null && !isEmpty) config[name] = value;
  }
  const format = "{{.CreatedBy}}";
  const history = await docker.run("history", "--no-trunc", "--format", format, image);
  return {
    config,
    author: found.Author,
    layers: found.RootFS.Layers.length,
    history: history.replace(/(file|dir|multi):[0-9a-f]{64}/g, "$1:HASH").split("\n"),
  };
}

const isEmptyObject = (value: object | null) => value !== null && Object.keys(value).length === 0;

/** Every file of an image: kind, mode, owner, size, content, a line each, in order. */
export async function fileFacts(docker: DockerHost, image: string): Promise<string[]> {
  const id = await docker.run("create", "--network", "none", image, "none");
  try {
    const result = await docker.exportTar(id);
    return await tarFacts(result);
  } finally {
    await docker.run("rm", "-v", id);
  }
}

async function tarFacts(tar: Uint8Array): Promise<string[]> {
  const facts: string[] = [];
  const { stream, take } = tarExtract();
  const reading = Readable.from([tar]).pipe(stream);
  for await (const entry of reading) {
    const xattrs = [...take(entry.header).xattrs].map(([key, value]) => ` ${key}=${value.toHex()}`);
    const { name, type, mode = 0, uid, gid, size, linkname } = entry.header;
    const hash = createHash("sha256");
    for await (const part of entry) hash.update(part as Buffer);
    const path = name.replace(/\/$/, "");
    if (path === "" || path === "." || NOT_THE_IMAGES.test(path)) continue;
    const content = type === "file" ? ` ${size} ${hash.digest("hex").slice(0, 12)}` : "";
    const link = linkname ? ` -> ${linkname}` : "";
    // Which of two hard links comes first is chance.
    const kind = type === "link" ? "file" : type;
    const what = `${path} ${kind} ${(mode & 0o7777).toString(8)} ${uid}:${gid}${content}${link}`;
    facts.push(type === "link" ? `${path} linked` : `${what}${xattrs.join("")}`);
  }
  return facts.sort();
}
