// `npm run build`: everything that dist/ holds, from sources. Unchanged parts are left as they are.
// `npm run build -- --arch arm64` builds dist-arm64/ for that processor, on any.
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { buildPart, filesBelow } from "./build_cache.mjs";
import { buildTarget } from "./build_target.mjs";
import {
  BUF,
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
    run(BUF, ["generate", "--template", template, ...paths]);
  });
}

/** One C part: `COMPILER FLAGS SOURCES -o DIST/libexec/NAME LIBRARIES`, of one folder. */
function compileNative(target, name, folder, flags, { libraries = [], musl = false } = {}) {
  const files = filesBelow(folder, (path) => path.endsWith(".c") && dirname(path) === folder);
  if (files.length === 0) return;
  const output = `${target.dist}/libexec/${name}`;
  const part = target.partPrefix + name;
  const [compiler, ...own] = musl ? target.musl : target.compiler;
  const options = [...own, ...HARDENING, target.branchProtection, ...flags];
  const command = [compiler, ...options, ...files, ...libraries];
  const inputs = filesBelow(folder, (path) => /\.[ch]$/.test(path));
  buildPart(part, { inputs, command, outputs: [output] }, () => {
    run(compiler, [...options, "-s", "-o", scratch(part), ...files, ...libraries]);
    renameSync(join(ROOT, scratch(part)), join(ROOT, output));
  });
}

/**
 * init is linked with musl: 50 KB where glibc makes 700, and every launch copies it into sealed
 * memory, maps and clones it: 0.8 ms of each exec.
 */
const STATIC = ["-static", "-Wl,-z,noexecstack", "-Wl,--gc-sections", "-ffunction-sections"];

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

/**
 * How many times more often than usual a function must run before it is compiled, until a link says
 * otherwise. A command is over before compiled code pays: two threads would compile beside it, 2.5
 * ms of each `run`; and only when it is so from the first line are they never started, another 1.
 */
const COMPILE_RELUCTANCE = 100;

const COMPILE = [
  ...BUNDLE,
  "--compile",
  "--splitting",
  "--bytecode",
  `--compile-jit-policy=${COMPILE_RELUCTANCE}`,
  "--conditions=bundled",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  "tools/cli/main.ts",
];

/** The one executable and its other names. */
function compileExecutable(target) {
  const sources = ["gen", "lib", "stack", "tools", "wire"].flatMap((top) =>
    filesBelow(top, isSource),
  );
  const inputs = [...sources, "package.json", "tsconfig.json", TOOLS];
  const executable = `${target.dist}/bin/catena`;
  const names = LINKS.map((link) => `${target.dist}/bin/${link}`);
  const part = `${target.partPrefix}catena`;
  const command = [BUNDLE_RUNC, COMPILE, LINKS, ...target.compile];
  buildPart(part, { inputs, command, outputs: [executable, ...names] }, () => {
    const quiet = { stdio: ["ignore", "ignore", "inherit"] };
    rmSync(join(ROOT, scratch(RUNC_LINK)), { recursive: true, force: true });
    run(BUN, [...BUNDLE_RUNC, "--outdir", scratch(RUNC_LINK)], quiet);
    run(BUN, [...COMPILE, ...target.compile, "--outfile", scratch(part)], quiet);
    renameSync(join(ROOT, scratch(part)), join(ROOT, executable));
    for (const name of names) {
      rmSync(join(ROOT, name), { force: true });
      symlinkSync("catena", join(ROOT, name));
    }
  });
}

/**
 * Manual pages and completion scripts, of what the program says of itself. From its sources: an
 * executable for another processor does not run here.
 */
function writeManual(target) {
  const inputs = [...filesBelow("tools/cli", isSource), TOOLS];
  const shells = ["bash", "zsh", "fish"];
  const outputs = ["man", "completion"].map((name) => `${target.dist}/share/${name}`);
  buildPart(`${target.partPrefix}manual`, { inputs, command: shells, outputs }, () => {
    for (const output of outputs) rmSync(join(ROOT, output), { recursive: true, force: true });
    const [man, completion] = outputs;
    run(BUN, ["tools/cli/main.ts", "man", "--write", `${man}/man1`]);
    mkdirSync(join(ROOT, completion));
    for (const shell of shells) {
      const script = openSync(join(ROOT, completion, `catena.${shell}`), "w", 0o644);
      const stdio = ["ignore", script, "inherit"];
      run(BUN, ["tools/cli/main.ts", "completion", shell], { stdio });
      closeSync(script);
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
function bundlePage(target) {
  const own = filesBelow(PAGE, (path) => /\.(tsx?|css|html)$/.test(path));
  // What it shares with the command line: words and types.
  const shared = ["tools/dashboard/model.ts", ...filesBelow("tools/cli/trace", isSource)];
  const inputs = [...own, ...shared, TOOLS];
  const output = `${target.dist}/share/dashboard`;
  const part = `${target.partPrefix}dashboard`;
  const command = [PAGE_BUNDLE, PAGE_ENTRIES];
  buildPart(part, { inputs, command, outputs: [output] }, () => {
    const folder = scratch(part);
    rmSync(join(ROOT, folder), { recursive: true, force: true });
    const quiet = { stdio: ["ignore", "ignore", "inherit"] };
    run(BUN, [...PAGE_BUNDLE, "--outdir", folder, ...PAGE_ENTRIES], quiet);
    renameSync(join(ROOT, folder, "main.js"), join(ROOT, folder, "app.js"));
    cpSync(join(ROOT, PAGE, "index.html"), join(ROOT, folder, "index.html"));
    rmSync(join(ROOT, output), { recursive: true, force: true });
    renameSync(join(ROOT, folder), join(ROOT, output));
  });
}

/** Installs what the build needs and brings dist/ (dist-arm64/ for a foreign arm64) up to date. */
export function build(arch = process.arch) {
  ensurePackages(BUILD_PACKAGES);
  ensureDependencies();
  const target = buildTarget(arch);
  generate();
  for (const folder of ["bin", "libexec", "share"]) {
    mkdirSync(join(ROOT, target.dist, folder), { recursive: true });
  }
  const small = { musl: true };
  compileNative(target, "catena-init", "stack/runc/init", STATIC, small);
  compileNative(target, "catena-keeper", "stack/containerd-shim/keeper", STATIC);
  compileNative(target, "catena-warden", "stack/containerd-shim/warden", STATIC, small);
  compileNative(target, "catena-pause", "stack/dockershim/pause", STATIC, small);
  compileNative(target, "catena-netns", "stack/dockershim/netns", STATIC, small);
  compileNative(target, "catena-thread-leak", "tools/demo", STATIC, small);
  compileNative(target, "catena.node", "lib/linux/native", ADDON);
  compileNative(
    target,
    "catena-seccomp.node",
    "stack/runc/seccomp/native",
    [...ADDON, ...target.seccomp],
    { libraries: LIBSECCOMP },
  );
  compileExecutable(target);
  writeManual(target);
  bundlePage(target);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  runMain(() => build(parseArgs({ options: { arch: { type: "string" } } }).values.arch));
}
