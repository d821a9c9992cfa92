// `npm run build`: everything that dist/ holds, from sources.
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  BUILD_PACKAGES,
  BUN,
  ensureDependencies,
  ensurePackages,
  ROOT,
  run,
} from "./prerequisites.mjs";

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

function sources(folder) {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(folder, name));
}

/** Protocol schemas to TypeScript, into gen/. */
export function generate() {
  rmSync(join(ROOT, "gen"), { recursive: true, force: true });
  const template = {
    version: "v2",
    plugins: [
      {
        local: [BUN, join(ROOT, "node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es")],
        out: "gen",
        opt: ["target=ts", "import_extension=ts"],
      },
    ],
  };
  run("node_modules/@bufbuild/buf-linux-x64/bin/buf", [
    "generate",
    "--template",
    JSON.stringify(template),
    "--path",
    "wire",
    "--path",
    "lib",
  ]);
}

function compileStatic(name, folder) {
  const files = sources(folder);
  if (files.length === 0) return;
  run("gcc", [
    ...HARDENING,
    "-static",
    "-Wl,-z,noexecstack",
    "-Wl,--gc-sections",
    "-ffunction-sections",
    "-s",
    "-o",
    join("dist/libexec", name),
    ...files,
  ]);
}

function compileAddon() {
  run("gcc", [
    ...HARDENING,
    "-shared",
    "-fPIC",
    "-I",
    "node_modules/node-api-headers/include",
    "-Wl,-z,relro,-z,now",
    "-s",
    "-o",
    "dist/libexec/catena.node",
    ...sources("lib/linux/native"),
  ]);
}

function compileExecutable() {
  if (!existsSync(join(ROOT, "tools/cli/main.ts"))) return;
  run(
    BUN,
    [
      "build",
      "--compile",
      "--bytecode",
      "--format=esm",
      "--minify-syntax",
      "--minify-whitespace",
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--no-compile-autoload-tsconfig",
      "--no-compile-autoload-package-json",
      "tools/cli/main.ts",
      "--outfile",
      "dist/bin/catena",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  for (const link of LINKS) {
    rmSync(join(ROOT, "dist/bin", link), { force: true });
    symlinkSync("catena", join(ROOT, "dist/bin", link));
  }
}

export function build() {
  ensurePackages(BUILD_PACKAGES);
  ensureDependencies();
  generate();
  mkdirSync(join(ROOT, "dist/bin"), { recursive: true });
  mkdirSync(join(ROOT, "dist/libexec"), { recursive: true });
  compileStatic("catena-init", "stack/runc/init");
  compileStatic("catena-keeper", "stack/containerd-shim/keeper");
  compileAddon();
  compileExecutable();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) build();
