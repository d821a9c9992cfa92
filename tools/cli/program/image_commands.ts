import type { Command } from "commander";
import type { BuildFlags } from "../commands/build.ts";
import type { ImagesFlags } from "../commands/images.ts";
import type { ImportFlags } from "../commands/import.ts";
import type { PullFlags, PushFlags } from "../commands/pull.ts";
import { type EngineFlags, perform, withEngine } from "./engine_command.ts";
import { collect } from "./shared_options.ts";

/** What works with images, through the Docker API of the chain's top. */
export function addImages(program: Command): void {
  withEngine(program.command("images"))
    .summary("list images")
    .option("-q, --quiet", "ids only")
    .option("--json", "machine-readable")
    .action((flags: EngineFlags & ImagesFlags) =>
      perform("images", flags, async (engine) =>
        (await import("../commands/images.ts")).runImages(engine, flags),
      ),
    );
  withEngine(program.command("import"))
    .summary("make an image of a file system tar")
    .argument("<file>", "a tar archive, or - for standard input")
    .argument("[name]", "NAME[:TAG]")
    .option("-c, --change <instruction>", "a Dockerfile instruction to apply", collect, [])
    .option("-m, --message <text>", "a message for its history")
    .action((file: string, name: string | undefined, flags: EngineFlags & ImportFlags) =>
      perform("import", flags, async (engine) =>
        (await import("../commands/import.ts")).runImport(engine, file, name, flags),
      ),
    );
  addRegistry(program);
  addBuild(program);
}

function addRegistry(program: Command): void {
  withEngine(program.command("pull"))
    .summary("fetch an image from its registry")
    .description(
      "Credentials come from docker's configuration (DOCKER_CONFIG or ~/.docker) and the\n" +
        "helpers that it names. What a broken pull received is kept, and not fetched again.",
    )
    .argument("<image>", "[HOST[:PORT]/]NAME[:TAG|@DIGEST]")
    .option("--platform <platform>", "OS/ARCH[/VARIANT]; default: this host's")
    .option("-a, --all-tags", "every tag of the name")
    .option("-q, --quiet", "print the name alone")
    .action((image: string, flags: EngineFlags & PullFlags) =>
      perform("pull", flags, async (engine) =>
        (await import("../commands/pull.ts")).runPull(engine, image, flags),
      ),
    );
  withEngine(program.command("push"))
    .summary("send an image to its registry")
    .argument("<image>", "[HOST[:PORT]/]NAME[:TAG]")
    .option("-q, --quiet", "print the name alone")
    .action((image: string, flags: EngineFlags & PushFlags) =>
      perform("push", flags, async (engine) =>
        (await import("../commands/pull.ts")).runPush(engine, image, flags),
      ),
    );
}

function addBuild(program: Command): void {
  withEngine(program.command("build"))
    .summary("build an image of a Dockerfile")
    .argument("<folder>", "the files that it may copy")
    .option("-t, --tag <name>", "NAME[:TAG] of the result", collect, [])
    .option("-f, --file <file>", "the Dockerfile (default: FOLDER/Dockerfile)")
    .option("--build-arg <argument>", "NAME=VALUE, or NAME for the environment's", collect, [])
    .option("--label <label>", "NAME=VALUE", collect, [])
    .option("--target <stage>", "stop at this stage")
    .option("--network <mode>", "network of the commands that it runs")
    .option("--platform <platform>", "OS/ARCH[/VARIANT] of the images it begins with")
    .option("--no-cache", "do every step")
    .option("--cache-from <image>", "an image whose steps may be taken over", collect, [])
    .option("--pull", "fetch the images it begins with, even those that are here")
    .option("-q, --quiet", "print the id alone")
    .action((folder: string, flags: EngineFlags & BuildFlags) =>
      perform("build", flags, async (engine) =>
        (await import("../commands/build.ts")).runBuild(engine, folder, flags),
      ),
    );
}
