import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import type { HeldStep, StepPlan } from "#stack/runc/process/step_launch.ts";

/** The folder through which a launch is stepped; its files: stack/runc/process/step_launch.ts. */
export class StepFolder {
  readonly path: string;
  #plan: StepPlan | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one below the state folder, for root alone: what lies in it takes part in a launch. */
  static make(stateDir: string): StepFolder {
    if (process.geteuid?.() !== 0) {
      throw failure({
        layer: "cli",
        op: "step",
        code: "permission_denied",
        message: "stepping through a launch is for root only",
      });
    }
    const parent = join(stateDir, "step");
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    const folder = mkdtempSync(join(parent, "launch-"));
    writeFileSync(join(folder, "owner"), String(process.pid), { mode: 0o600 });
    return new StepFolder(folder);
  }

  /** The plan, once the runtime has written it. */
  get plan(): StepPlan | undefined {
    this.#plan ??= this.#read<StepPlan>("plan.json");
    return this.#plan;
  }

  /** Where init waits; undefined while it runs. */
  get held(): HeldStep | undefined {
    return existsSync(join(this.path, "go")) ? undefined : this.#read<HeldStep>("held.json");
  }

  /** Lets init go on until before the operation at `index`; to its end without one. */
  go(index?: number): void {
    const part = join(this.path, "go.part");
    writeFileSync(part, String(index === undefined ? 0 : index + 1), { mode: 0o600 });
    renameSync(part, join(this.path, "go"));
  }

  /** Removing it lets init run on. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #read<T>(name: string): T | undefined {
    try {
      return JSON.parse(readFileSync(join(this.path, name), "utf8")) as T;
    } catch {
      return undefined;
    }
  }
}
