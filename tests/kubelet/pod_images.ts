import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxTar } from "../lib/busybox_image.ts";
import { mustRun } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";

/** The image of a pod's containers. */
export const APP_IMAGE = "docker.io/library/catapp:1";
/** The image of a genuine runtime's sandboxes. */
export const PAUSE_IMAGE = "docker.io/library/catpause:1";

/**
 * Both images in one archive of `docker save`'s form: busybox, once with a shell to start and once
 * with a program that sleeps and ends at SIGTERM.
 */
export async function podImages(sandbox: Sandbox): Promise<string> {
  const folder = sandbox.path("pod-images", "layout");
  mkdirSync(folder, { recursive: true });
  const layer = await busyboxTar(sandbox);
  copyFileSync(layer, join(folder, "layer.tar"));
  const digest = createHash("sha256")
    .update(await Bun.file(layer).bytes())
    .digest("hex");
  const entry = (image: string, cmd: string[]) => {
    const config = {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: cmd },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    };
    const text = JSON.stringify(config);
    const name = `${createHash("sha256").update(text).digest("hex")}.json`;
    writeFileSync(join(folder, name), text);
    return { Config: name, RepoTags: [image], Layers: ["layer.tar"] };
  };
  const sleep = "trap 'exit 0' TERM; while :; do sleep 100000 & wait $!; done";
  const manifest = [entry(APP_IMAGE, ["sh"]), entry(PAUSE_IMAGE, ["sh", "-c", sleep])];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const archive = sandbox.path("pod-images", "images.tar");
  const names = ["manifest.json", "layer.tar", ...manifest.map(({ Config }) => Config)];
  await mustRun(["tar", "-cf", archive, "-C", folder, ...names]);
  return archive;
}
