import { Argument, type Command } from "commander";
import type { ManFlags } from "../commands/man.ts";

/** What makes the others easier to use. */
export function addComfort(program: Command): void {
  program
    .command("completion")
    .summary("print a script by which a shell completes catena's commands")
    .description(
      "It completes commands, flags and their values, and names of containers and images.\n" +
        "  bash  catena completion bash > /etc/bash_completion.d/catena\n" +
        "  zsh   catena completion zsh > /usr/local/share/zsh/site-functions/_catena\n" +
        "  fish  catena completion fish > ~/.config/fish/completions/catena.fish",
    )
    .addArgument(new Argument("<shell>", "your shell").choices(["bash", "zsh", "fish"]))
    .action(async (shell: string) => {
      const { runCompletion } = await import("../commands/completion.ts");
      process.exitCode = await runCompletion(shell);
    });
  program
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { runComplete } = await import("../commands/completion.ts");
      process.exitCode = await runComplete(program, words);
    });
  program
    .command("man")
    .summary("print a manual page, or write them all")
    .description(
      "As troff: `catena man exec | man -l -` shows one. With --write they go into a folder:\n" +
        "  catena man --write /usr/local/share/man/man1",
    )
    .argument("[command...]", "the command whose page it is; without it: catena's own")
    .option("--write <folder>", "write every page there, uncompressed")
    .action(async (words: string[], flags: ManFlags) => {
      const { runMan } = await import("../commands/man.ts");
      process.exitCode = await runMan(program, words, flags);
    });
}
