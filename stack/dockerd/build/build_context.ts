import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, posix } from "node:path";
import { IgnoreList } from "#lib/build_context/ignore_list.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { ImageBuildOptions } from "#wire/docker-api/types/build.ts";
import { untar } from "../archive/untar_tree.ts";
import type { Daemon } from "../daemon.ts";
import { invalid } from "../refusals.ts";
import { openRoot } from "../rootfs/rooted_files.ts";
import { fetchGitContext, isGitUrl } from "./git_context.ts";
import { openUrl } from "./url_download.ts";

const { O_RDONLY, O_NONBLOCK } = constants;
const MAX_DOCKERFILE_BYTES = 256 * 1024;
/** What servers call archives; many say nothing, or that it is bytes. */
const ARCHIVE_TYPE = /^$|application\/(?:(?:x-)?tar|octet-stream|(?:x-)?(?:gzip|bzip2?|xz|zstd))/;
const MAX_IGNORE_BYTES = 4 * 1024 * 1024;

/** A build's files on disk, until `close`. */
export class BuildContext {
  /** What COPY and ADD see. */
  readonly folder: string;
  /** For what the build fetches itself. */
  readonly scratch: string;
  readonly #top: string;
  dockerfile = "";

  private constructor(top: string) {
    this.#top = top;
    this.folder = join(top, "context");
    this.scratch = join(top, "scratch");
    for (const path of [this.folder, this.scratch]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    }
  }

  /** Takes a context from a request's body or from a URL, and reads its Dockerfile. */
  static async open(
    daemon: Daemon,
    body: ByteStream,
    options: ImageBuildOptions,
    signal: AbortSignal,
  ): Promise<BuildContext> {
    const name = `build-${randomBytes(8).toString("hex")}`;
    const context = new BuildContext(join(daemon.options.root, "tmp", name));
    try {
      if (options.remote === "") await context.#unpack(body);
      else await context.#fetch(options.remote, signal);
      context.#takeDockerfile(options.dockerfile || "Dockerfile");
      return context;
    } catch (error) {
      context.close();
      throw error;
    }
  }

  close(): void {
    rmSync(this.#top, { recursive: true, force: true });
  }

  async #unpack(tar: ByteStream): Promise<void> {
    const rootFd = openRoot(this.folder);
    try {
      const owner = { uid: 0, gid: 0 };
      await untar(tar, { rootFd, folder: "/", noOverwriteDirNonDir: false, owner });
    } finally {
      closeSync(rootFd);
    }
  }

  /** A URL of a git repository, of a tar, or of a Dockerfile alone. */
  async #fetch(url: string, signal: AbortSignal): Promise<void> {
    if (isGitUrl(url)) return fetchGitContext(url, this.folder, this.scratch, signal);
    if (!/^https?:\/\//i.test(url)) {
      throw invalid("build", `remote (${url}) could not be recognized as URL`);
    }
    const reply = await openUrl(url, signal);
    const type = reply.headers.get("content-type") ?? "";
    if (!type.startsWith("text/plain")) {
      if (!ARCHIVE_TYPE.test(type)) {
        throw invalid("build", `unsupported Content-Type ${JSON.stringify(type)}`);
      }
      return this.#unpack(reply.bytes());
    }
    const text = await reply.text(MAX_DOCKERFILE_BYTES);
    writeFileSync(join(this.folder, "Dockerfile"), text, { mode: 0o600 });
  }

  #takeDockerfile(name: string): void {
    const path = posix.join("/", name);
    const rootFd = openRoot(this.folder);
    try {
      const text = readText(rootFd, path, MAX_DOCKERFILE_BYTES);
      if (text === undefined) {
        throw invalid("build", `Cannot locate specified Dockerfile: ${name}`);
      }
      if (text.trim() === "") {
        throw invalid("build", `the Dockerfile (${name}) cannot be empty`);
      }
      this.dockerfile = text;
      this.#leaveOut(rootFd, path.slice(1));
    } finally {
      closeSync(rootFd);
    }
  }

  /** Clients send both files even where they are to be left out: the daemon needs them. */
  #leaveOut(rootFd: number, dockerfile: string): void {
    const text = readText(rootFd, "/.dockerignore", MAX_IGNORE_BYTES);
    if (text === undefined) return;
    const list = new IgnoreList(text);
    for (const path of [".dockerignore", dockerfile]) {
      if (list.ignores(path)) rmSync(join(this.folder, path), { force: true });
    }
  }
}

function readText(rootFd: number, path: string, maxBytes: number): string | undefined {
  let fd: number;
  try {
    fd = openInRoot(rootFd, path, O_RDONLY | O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return undefined;
    if (stats.size > maxBytes) throw invalid("build", `${path} is longer than ${maxBytes} bytes`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
