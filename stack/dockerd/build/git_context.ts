import { lstatSync, mkdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { invalid } from "../refusals.ts";

const op = "build";
const TIME_LIMIT_MS = 30 * 60_000;
/** How much of what git says an error shows. */
const MAX_SHOWN = 2_000;

/** Whether a context's address is a git repository's, by the rules of docker. */
export function isGitUrl(url: string): boolean {
  if (/^https?:\/\//i.test(url)) return /\.git(?:#.+)?$/.test(url);
  return ["git://", "github.com/", "git@"].some((prefix) => url.startsWith(prefix));
}

export interface GitSource {
  remote: string;
  /** A branch, tag or commit; "" for the repository's own choice. */
  ref: string;
  /** Folder of the repository that is the context; "" for all of it. */
  subdir: string;
}

/** Reads `URL#REF:FOLDER`. */
export function readGitUrl(url: string): GitSource {
  const [address = "", fragment = ""] = url.split(/#(.*)/s);
  const [ref = "", subdir = ""] = fragment.split(/:(.*)/s);
  const remote = address.startsWith("github.com/") ? `https://${address}` : address;
  // Behind a dash git would read options.
  if (ref.startsWith("-")) throw invalid(op, `invalid refspec: ${ref}`);
  if (remote.startsWith("-")) throw invalid(op, `invalid remote: ${remote}`);
  return { remote, ref, subdir };
}

/**
 * Fetches a repository, submodules too, and puts the folder that is asked for at `folder`, which
 * must be there and empty. `scratch` is a folder for the work. The host's git configuration plays
 * no part, and only what comes over a network is fetched: a repository cannot name files of ours.
 */
export async function fetchGitContext(
  url: string,
  folder: string,
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  const { remote, ref, subdir } = readGitUrl(url);
  const root = join(scratch, "git");
  mkdirSync(root, { mode: 0o700 });
  const git = (...args: string[]) => runGit(args, root, scratch, signal);
  await git("init", "--quiet", "--template=");
  await git("remote", "add", "origin", remote);
  const wanted = ref || "HEAD";
  try {
    await git("fetch", "--quiet", "--depth", "1", "origin", "--", wanted);
    await git("checkout", "--quiet", "FETCH_HEAD");
  } catch (error) {
    if (signal.aborted) throw error;
    // Not every server gives a single commit by its name: then all of it, and look there.
    await git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*");
    await git("checkout", "--quiet", wanted, "--");
  }
  const modules = ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"];
  await git(...modules);
  rmSync(folder, { recursive: true });
  renameSync(subfolder(root, subdir), folder);
}

/** A folder below the repository's; links may not lead out of it. */
function subfolder(root: string, subdir: string): string {
  const top = realpathSync(root);
  let path: string;
  try {
    path = realpathSync(resolve(top, `.${sep}${subdir}`));
  } catch {
    throw invalid(op, `error setting git context, ${subdir} is not in the repository`);
  }
  if (path !== top && !path.startsWith(top + sep)) {
    throw invalid(op, `error setting git context, ${JSON.stringify(subdir)} not within git root`);
  }
  if (!lstatSync(path).isDirectory()) {
    throw invalid(op, `error setting git context, not a directory: ${subdir}`);
  }
  return path;
}

async function runGit(
  args: string[],
  cwd: string,
  home: string,
  signal: AbortSignal,
): Promise<void> {
  const program = Bun.which("git");
  if (!program) {
    throw invalid(op, "contexts of git repositories need git, which is not installed");
  }
  const child = Bun.spawn([program, ...args], {
    cwd,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: TIME_LIMIT_MS,
    killSignal: "SIGKILL",
    signal,
    env: childEnv({
      HOME: home,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ALLOW_PROTOCOL: "git:http:https:ssh",
    }),
  });
  const [code, words] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code === 0) return;
  throw failure({
    layer: "dockerd",
    op,
    code: "invalid_argument",
    message: `error fetching the git context: git ${args[0]}: ${words.trim().slice(0, MAX_SHOWN)}`,
    evidence: [{ kind: "exit", value: String(code), ref: "git" }],
  });
}
