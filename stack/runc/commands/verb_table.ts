import type { Command } from "./command_types.ts";

interface Verb {
  usage: string;
  /** Loads the verb's own chunk of the executable, and no other's. */
  load(): Promise<Command>;
}

/** Every verb, with the line that the help shows. */
export const VERBS: Record<string, Verb> = {
  checkpoint: {
    usage: "checkpoint a running container (not supported)",
    load: async () => (await import("./verb_checkpoint.ts")).checkpointCommand,
  },
  create: {
    usage: "create a container",
    load: async () => (await import("./verb_create.ts")).createCommand,
  },
  delete: {
    usage: "delete what a stopped container still holds",
    load: async () => (await import("./verb_delete.ts")).deleteCommand,
  },
  events: {
    usage: "print a container's statistics and out-of-memory events",
    load: async () => (await import("./verb_events.ts")).eventsCommand,
  },
  exec: {
    usage: "start one more process in a container",
    load: async () => (await import("./verb_exec.ts")).execCommand,
  },
  features: {
    usage: "print what this runtime supports, as JSON",
    load: async () => (await import("./verb_features.ts")).featuresCommand,
  },
  kill: {
    usage: "send a signal (SIGTERM unless named) to a container's first process",
    load: async () => (await import("./verb_kill.ts")).killCommand,
  },
  list: {
    usage: "list the containers below the root",
    load: async () => (await import("./verb_list.ts")).listCommand,
  },
  pause: {
    usage: "freeze all processes of a container",
    load: async () => (await import("./verb_pause.ts")).pauseCommand,
  },
  ps: {
    usage: "list the processes of a container",
    load: async () => (await import("./verb_ps.ts")).psCommand,
  },
  restore: {
    usage: "restore a checkpointed container (not supported)",
    load: async () => (await import("./verb_checkpoint.ts")).restoreCommand,
  },
  resume: {
    usage: "thaw the processes of a paused container",
    load: async () => (await import("./verb_pause.ts")).resumeCommand,
  },
  run: {
    usage: "create and start a container",
    load: async () => (await import("./verb_run.ts")).runCommand,
  },
  spec: {
    usage: "write a new config.json",
    load: async () => (await import("./verb_spec_file.ts")).specCommand,
  },
  start: {
    usage: "start the program of a created container",
    load: async () => (await import("./verb_start.ts")).startCommand,
  },
  state: {
    usage: "print the state of a container",
    load: async () => (await import("./verb_state.ts")).stateCommand,
  },
  update: {
    usage: "change the limits of a container",
    load: async () => (await import("./verb_update.ts")).updateCommand,
  },
};
