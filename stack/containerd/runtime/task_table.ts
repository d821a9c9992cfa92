import type { Task, TaskExit } from "./task.ts";

/** All tasks, by namespace and id. */
export class TaskTable {
  readonly #tasks = new Map<string, Task>();
  /** Ends of tasks that died while no daemon was there to tell anybody. */
  readonly #buried = new Map<string, TaskExit>();

  get(namespace: string, id: string): Task | undefined {
    return this.#tasks.get(key(namespace, id));
  }

  add(task: Task): void {
    this.forget(task.namespace, task.id);
    this.#tasks.set(key(task.namespace, task.id), task);
  }

  /** Removes this very task; one of the same id that came later stays. */
  remove(task: Task): boolean {
    const name = key(task.namespace, task.id);
    return this.#tasks.get(name) === task && this.#tasks.delete(name);
  }

  /** Keeps how a task ended, for those who ask for it after a restart. */
  bury(namespace: string, id: string, exit: TaskExit): void {
    this.#buried.set(key(namespace, id), exit);
  }

  buried(namespace: string, id: string): TaskExit | undefined {
    return this.#buried.get(key(namespace, id));
  }

  /** Forgets a buried task: it was deleted, or a new one takes its name. */
  forget(namespace: string, id: string): void {
    this.#buried.delete(key(namespace, id));
  }

  ofNamespace(namespace: string): Task[] {
    return [...this.#tasks.values()].filter((task) => task.namespace === namespace);
  }

  all(): Task[] {
    return [...this.#tasks.values()];
  }
}

function key(namespace: string, id: string): string {
  return `${namespace}\0${id}`;
}
