import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { writeContext } from "./build_context.ts";
import { DockerHost } from "./docker_host.ts";
import { BUILDS, type BuildCase, REFUSED, TRIGGERS } from "./dockerfiles.ts";
import { configFacts, fileFacts } from "./image_facts.ts";

// The same Dockerfiles on genuine dockerd and on ours: the same files, the same configuration.

const LIMIT_MS = 300_000;
const reason = reasonToSkip([
  "genuine dockerd",
  "genuine containerd",
  "docker cli",
  "catena daemon",
]);

describe.skipIf(reason !== undefined)(`builds${reason ? `: ${reason}` : ""}`, () => {
  const sandbox = new Sandbox();
  const context = sandbox.path("context");
  let ours: DockerHost;
  let genuine: DockerHost;

  beforeAll(async () => {
    mkdirSync(context);
    await writeContext(context);
    const daemon = await startCatenaDaemon(sandbox);
    ours = new DockerHost(sandbox, "ours", daemon.socket);
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    genuine = new DockerHost(sandbox, "genuine", dockerd.socket);
    const tar = await busyboxTar(sandbox);
    for (const docker of [ours, genuine]) await docker.run("import", tar, "base");
  }, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  const build = (docker: DockerHost, tag: string, args: string[] = []) =>
    docker.try(["build", "--network", "none", "-t", tag, ...args, context]);

  function writeDockerfile({ dockerfile, args = [] }: Omit<BuildCase, "name">): string[] {
    const at = args.indexOf("-f");
    const name = at < 0 ? "Dockerfile" : args[at + 1]!;
    writeFileSync(join(context, name), dockerfile);
    return args.map((arg) => (arg === name ? join(context, name) : arg));
  }

  async function sameOnBoth(tag: string, noFiles = false): Promise<void> {
    const [own, other] = await Promise.all([configFacts(ours, tag), configFacts(genuine, tag)]);
    expect(own).toEqual(other);
    if (noFiles) return;
    const [ownFiles, otherFiles] = await Promise.all([
      fileFacts(ours, tag),
      fileFacts(genuine, tag),
    ]);
    expect(ownFiles).toEqual(otherFiles);
  }

  for (const [at, item] of BUILDS.entries()) {
    test(
      item.name,
      async () => {
        const args = writeDockerfile(item);
        const tag = `built${at}`;
        const results = await Promise.all([build(ours, tag, args), build(genuine, tag, args)]);
        for (const result of results)
          expect([result.code, result.stderr]).toEqual([0, result.stderr]);
        expect(steps(results[0].stdout)).toEqual(steps(results[1].stdout));
        await sameOnBoth(tag, item.noFiles);
      },
      LIMIT_MS,
    );
  }

  test(
    "triggers",
    async () => {
      for (const [at, tag] of ["with-triggers", "triggered"].entries()) {
        writeDockerfile({ dockerfile: TRIGGERS[at]! });
        const results = await Promise.all([build(ours, tag), build(genuine, tag)]);
        expect(results.map(({ code }) => code)).toEqual([0, 0]);
        await sameOnBoth(tag);
      }
    },
    LIMIT_MS,
  );

  test(
    "what is refused is refused with the same words",
    async () => {
      for (const [dockerfile, words] of REFUSED) {
        writeDockerfile({ dockerfile });
        const results = await Promise.all([build(ours, "refused"), build(genuine, "refused")]);
        expect([dockerfile, results[0].code]).toEqual([dockerfile, results[1].code]);
        for (const { stderr } of results) {
          expect([dockerfile, stderr.includes(words) ? words : stderr]).toEqual([
            dockerfile,
            words,
          ]);
        }
      }
      // The containers of failed steps stay, to be looked at.
      const left = async (docker: DockerHost) => (await docker.run("ps", "-aq")).split("\n").length;
      expect(await left(ours)).toBe(await left(genuine));
    },
    LIMIT_MS,
  );
});

/** What a build says, without ids and without the containers of steps that run nothing. */
function steps(output: string): string[] {
  return output
    .replace(/^( ---> Running in|Removing intermediate container) [0-9a-f]{12}\n/gm, "")
    .replace(/^( --->|Successfully built) [0-9a-f]{12}$/gm, "$1 ID")
    .replace(/^Sending build context.*$/gm, "")
    .split("\n")
    .filter(Boolean);
}
