import { childEnv } from "#lib/install/child_env.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerTop } from "#wire/docker-api/types/container_view.ts";
import type { Daemon } from "../daemon.ts";
import { broken, conflict, invalid } from "../refusals.ts";

const PS_TIMEOUT_MS = 10_000;
const op = "list processes";

/** GET /containers/ID/top: the host's ps, and of its lines those of the container's processes. */
export async function containerTop(
  daemon: Daemon,
  ref: string,
  psArgs: string,
  context: CallContext,
): Promise<ContainerTop> {
  const args = (psArgs.trim() || "-ef").split(/\s+/);
  // pid=NAME would rename the column that the lines are chosen by.
  if (args.some((arg) => /(^|,)pid=[^,]/i.test(arg))) {
    throw invalid(op, `specifying "${args.find((arg) => /pid=/i.test(arg))}" is not allowed`);
  }
  const container = daemon.find(ref);
  const { state } = container.record;
  if (!state.running) throw conflict(op, `container ${container.id} is not running`);
  if (state.restarting) {
    throw conflict(
      op,
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  }
  const { processes } = await daemon.services.tasks.listPids(
    { containerId: container.id },
    daemon.call(context),
  );
  const text = await runPs(args);
  const top = chooseLines(text, new Set(processes.map(({ pid }) => pid)));
  daemon.events.container(container, "top");
  return top;
}

async function runPs(args: string[]): Promise<string> {
  const child = Bun.spawn(["ps", ...args], {
    env: childEnv(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: PS_TIMEOUT_MS,
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw invalid(op, `ps: ${err.trim().split("\n")[0] ?? ""}`);
  return out;
}

/** The lines of a ps listing that belong to the given processes. */
export function chooseLines(text: string, pids: ReadonlySet<number>): ContainerTop {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const titles = (lines[0] ?? "").trim().split(/\s+/);
  const pidColumn = titles.indexOf("PID");
  if (pidColumn < 0) throw broken(op, "Couldn't find PID field in ps output");
  const rows: string[][] = [];
  for (const line of lines.slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (!pids.has(Number(fields[pidColumn]))) continue;
    // The command is last and may hold spaces.
    const row = fields.slice(0, titles.length - 1);
    row.push(fields.slice(titles.length - 1).join(" "));
    rows.push(row);
  }
  return { Titles: titles, Processes: rows };
}
