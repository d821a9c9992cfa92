// `npm run build`: everything that dist/ holds, from sources. Unchanged parts are left as they are.
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPart, filesBelow } from "./build_cache.mjs";
import {
  BUILD_PACKAGES,
  BUN,
  ensureDependencies,
  ensurePackages,
  ROOT,
  run,
  runMain,
} from "./prerequisites.mjs";

/** What the tools themselves are: a new version of one rebuilds what it builds. */
const TOOLS = "package-lock.json";

const HARDENING = [
  "-std=gnu11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Wformat=2",
  "-Werror",
  "-fstack-protector-strong",
  "-D_FORTIFY_SOURCE=2",
  "-fstack-clash-protection",
  "-fcf-protection",
  "-D_GNU_SOURCE",
];

/** Other names of the one executable; process.argv0 tells which link it was started as. */
const LINKS = ["catena-runc", "containerd-shim-catena-v2"];

/** Where a part is built before it takes its place: a running program's file is not writable. */
const SCRATCH = ".cache/scratch";

const isProto = (path) => path.endsWith(".proto");
const isSource = (path) => path.endsWith(".ts") && !path.endsWith(".test.ts");

function scratch(name) {
  mkdirSync(join(ROOT, SCRATCH), { recursive: true });
  return join(SCRATCH, name);
}

/** Protocol schemas to TypeScript, into gen/. */
function generate() {
  const inputs = [...["wire", "lib"].flatMap((top) => filesBelow(top, isProto)), "buf.yaml", TOOLS];
  const plugin = {
    local: [BUN, join(ROOT, "node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es")],
    out: "gen",
    opt: ["target=ts", "import_extension=ts"],
  };
  const paths = ["--path", "wire", "--path", "lib"];
  buildPart("gen", { inputs, command: [plugin.opt, paths], outputs: ["gen"] }, () => {
    rmSync(join(ROOT, "gen"), { recursive: true, force: true });
    const template = JSON.stringify({ version: "v2", plugins: [plugin] });
    const buf = "node_modules/@bufbuild/buf-linux-x64/bin/buf";
    run(buf, ["generate", "--template", template, ...paths]);
  });
}

/** One C part: `COMPILER FLAGS SOURCES -o dist/libexec/NAME LIBRARIES`, of one folder. */
function compileNative(name, folder, flags, libraries = [], compiler = "gcc") {
  const files = filesBelow(folder, (path) => path.endsWith(".c") && dirname(path) === folder);
  if (files.length === 0) return;
  const output = `dist/libexec/${name}`;
  const command = [compiler, ...HARDENING, ...flags, ...files, ...libraries];
  const inputs = filesBelow(folder, (path) => /\.[ch]$/.test(path));
  buildPart(name, { inputs, command, outputs: [output] }, () => {
    const sources = [...files, ...libraries];
    run(compiler, [...HARDENING, ...flags, "-s", "-o", scratch(name), ...sources]);
    renameSync(join(ROOT, scratch(name)), join(ROOT, output));
  });
}

const STATIC = ["-static", "-Wl,-z,noexecstack", "-Wl,--gc-sections", "-ffunction-sections"];

/**
 * musl makes init 50 KB where glibc makes 700, and every launch copies it into sealed memory, maps
 * and clones it: 0.8 ms of each exec. The kernel's headers come from the host's own folder.
 */
const KERNEL_HEADERS = [
  "/usr/include",
  `/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`,
];
const MUSL = [...STATIC, ...KERNEL_HEADERS.flatMap((folder) => ["-idirafter", folder])];
const ADDON = [
  "-shared",
  "-fPIC",
  "-I",
  "node_modules/node-api-headers/include",
  "-Wl,-z,relro,-z,now",
];

/** Part of the addon that needs it, so that an installation needs no library of the host's. */
const LIBSECCOMP = ["-Wl,-Bstatic", "-lseccomp", "-Wl,-Bdynamic"];

const BUNDLE = ["build", "--format=esm", "--minify-syntax", "--minify-whitespace"];

/**
 * `catena-runc` by itself, split by its verbs alone; COMPILE takes these files as they are. Split
 * together with the rest, a run's modules would lie in some forty chunks, shared with the shim's in
 * ever other ways, and their loading was 0.8 ms of it. In one file, reading all was 0.5 ms of each
 * short verb.
 */
const RUNC_LINK = "runc-link";
const BUNDLE_RUNC = [
  ...BUNDLE,
  "--target=bun",
  "--splitting",
  "--no-split-require",
  "tools/cli/links/runc.ts",
];

const COMPILE = [
  ...BUNDLE,
  "--compile",
  "--splitting",
  "--bytecode",
  "--conditions=bundled",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  "tools/cli/main.ts",
];

/** The one executable and its other names. */
function compileExecutable() {
  const sources = ["gen", "lib", "stack", "tools", "wire"].flatMap((top) =>
    filesBelow(top, isSource),
  );
  const inputs = [...sources, "package.json", "tsconfig.json", TOOLS];
  const names = LINKS.map((link) => `dist/bin/${link}`);
  const outputs = ["dist/bin/catena", ...names];
  buildPart("catena", { inputs, command: [BUNDLE_RUNC, COMPILE, LINKS], outputs }, () => {
    const quiet = { stdio: ["ignore", "ignore", "inherit"] };
    rmSync(join(ROOT, scratch(RUNC_LINK)), { recursive: true, force: true });
    run(BUN, [...BUNDLE_RUNC, "--outdir", scratch(RUNC_LINK)], quiet);
    run(BUN, [...COMPILE, "--outfile", scratch("catena")], quiet);
    renameSync(join(ROOT, scratch("catena")), join(ROOT, "dist/bin/catena"));
    for (const name of names) {
      rmSync(join(ROOT, name), { force: true });
      symlinkSync("catena", join(ROOT, name));
    }
  });
}

const PAGE = "tools/dashboard/page";
const PAGE_ENTRIES = ["tools/dashboard/page/main.tsx", "tools/dashboard/page/app.css"];
const PAGE_BUNDLE = [
  "build",
  "--target=browser",
  "--minify",
  "--define",
  'process.env.NODE_ENV="production"',
  "--entry-naming",
  "[name].[ext]",
];

/** The dashboard's page, with all that it uses: it loads nothing from anywhere else. */
function bundlePage() {
  const own = filesBelow(PAGE, (path) => /\.(tsx?|css|html)$/.test(path));
  // What it shares with the command line: words and types.
  const shared = ["tools/dashboard/model.ts", ...filesBelow("tools/cli/trace", isSource)];
  const inputs = [...own, ...shared, TOOLS];
  const outputs = ["dist/share/dashboard"];
  buildPart("dashboard", { inputs, command: [PAGE_BUNDLE, PAGE_ENTRIES], outputs }, () => {
    const folder = scratch("dashboard");
    rmSync(join(ROOT, folder), { recursive: true, force: true });
    const quiet = { stdio: ["ignore", "ignore", "inherit"] };
    run(BUN, [...PAGE_BUNDLE, "--outdir", folder, ...PAGE_ENTRIES], quiet);
    renameSync(join(ROOT, folder, "main.js"), join(ROOT, folder, "app.js"));
    cpSync(join(ROOT, PAGE, "index.html"), join(ROOT, folder, "index.html"));
    rmSync(join(ROOT, "dist/share/dashboard"), { recursive: true, force: true });
    renameSync(join(ROOT, folder), join(ROOT, "dist/share/dashboard"));
  });
}

/** Installs what the build needs and brings dist/ up to date. */
export function build() {
  ensurePackages(BUILD_PACKAGES);
  ensureDependencies();
  generate();
  mkdirSync(join(ROOT, "dist/bin"), { recursive: true });
  mkdirSync(join(ROOT, "dist/libexec"), { recursive: true });
  mkdirSync(join(ROOT, "dist/share"), { recursive: true });
  compileNative("catena-init", "stack/runc/init", MUSL, [], "musl-gcc");
  compileNative("catena-keeper", "stack/containerd-shim/keeper", STATIC);
  compileNative("catena-warden", "stack/containerd-shim/warden", MUSL, [], "musl-gcc");
  compileNative("catena-pause", "stack/dockershim/pause", MUSL, [], "musl-gcc");
  compileNative("catena-netns", "stack/dockershim/netns", MUSL, [], "musl-gcc");
  compileNative("catena-thread-leak", "tools/demo", MUSL, [], "musl-gcc");
  compileNative("catena.node", "lib/linux/native", ADDON);
  compileNative("catena-seccomp.node", "stack/runc/seccomp/native", ADDON, LIBSECCOMP);
  compileExecutable();
  bundlePage();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) runMain(build);
