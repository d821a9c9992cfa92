// What a build is made with, by the processor that it is for: the one we run on, or arm64 from
// another, with Debian's cross compiler and libraries for it that are unpacked and never run.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ensurePackages, fail, ROOT, run } from "./prerequisites.mjs";

/** Debian's names of the processors that we build for, by Node's. */
const TRIPLES = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };

/** Jumps that lead elsewhere than the compiler meant end the program, where the processor can. */
const BRANCH_PROTECTION = { x64: "-fcf-protection", arm64: "-mbranch-protection=standard" };

const CROSS_PACKAGES = [
  ["/usr/bin/aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"],
  ["/usr/aarch64-linux-gnu/lib/libc.a", "libc6-dev-arm64-cross"],
  ["/usr/bin/mmdebstrap", "mmdebstrap"],
];

/** The suite whose libraries are linked into a cross-built program: that of the lanes. */
const SUITE = "bookworm";
const SYSROOT = ".cache/arm64/sysroot";
const CROSS_BUN = ".cache/arm64/bun";
const BUN_PACKAGE = "@oven/bun-linux-aarch64";

/** Where the libraries that we link lie in Debian's packages. */
const KEPT = [
  "usr/lib/aarch64-linux-musl",
  "usr/include/aarch64-linux-musl",
  "usr/include/seccomp.h",
  "usr/include/seccomp-syscalls.h",
  "usr/lib/aarch64-linux-gnu/libseccomp.a",
];

/** The target for `arch`, Node's name of a processor; installs and fetches what it takes. */
export function buildTarget(arch = process.arch) {
  if (!(arch in TRIPLES)) fail(`no build for ${arch}: the processors are ${Object.keys(TRIPLES)}`);
  if (arch === process.arch) return nativeTarget(arch);
  if (arch !== "arm64") fail(`${arch} is built on ${arch} only; arm64 can be built anywhere`);
  ensurePackages(CROSS_PACKAGES);
  ensureSysroot();
  ensureBun();
  return crossTarget();
}

function nativeTarget(arch) {
  const headers = ["/usr/include", `/usr/include/${TRIPLES[arch]}`];
  return {
    dist: "dist",
    partPrefix: "",
    branchProtection: BRANCH_PROTECTION[arch],
    compiler: ["gcc"],
    musl: ["musl-gcc", ...kernelHeaders(headers)],
    seccomp: [],
    compile: [],
  };
}

/** The kernel's headers for musl, from the C library's folder: looked into after its own. */
const kernelHeaders = (folders) => folders.flatMap((folder) => ["-idirafter", folder]);

function crossTarget() {
  const gcc = "aarch64-linux-gnu-gcc";
  return {
    dist: "dist-arm64",
    partPrefix: "arm64-",
    branchProtection: BRANCH_PROTECTION["arm64"],
    compiler: [gcc],
    musl: [gcc, "-specs", join(SYSROOT, "musl-gcc.specs"), ...kernelHeaders([CROSS_HEADERS])],
    seccomp: ["-I", join(SYSROOT, "usr/include"), "-L", join(SYSROOT, "usr/lib", TRIPLES.arm64)],
    compile: ["--target=bun-linux-arm64", "--compile-executable-path", join(CROSS_BUN, "bin/bun")],
  };
}

const CROSS_HEADERS = "/usr/aarch64-linux-gnu/include";

/** musl and libseccomp for arm64, unpacked by apt's own means: nothing of the host's changes. */
function ensureSysroot() {
  const target = join(ROOT, SYSROOT);
  if (existsSync(join(target, "musl-gcc.specs"))) return;
  console.error("setup: fetching arm64's libraries");
  inDraft(target, (draft) => {
    const full = join(draft, "full");
    const wanted = ["--architectures=arm64", "--include=musl-dev,libseccomp-dev"];
    run("mmdebstrap", ["--quiet", "--mode=root", "--variant=extract", ...wanted, SUITE, full]);
    for (const path of KEPT) {
      cpSync(join(full, path), join(draft, path), { recursive: true, verbatimSymlinks: true });
    }
    rmSync(full, { recursive: true });
    const specs = readFileSync(join(draft, KEPT[0], "musl-gcc.specs"), "utf8");
    const moved = specs.replace(/\/usr\/(lib|include)\/aarch64-linux-musl/g, `${target}/$&`);
    writeFileSync(join(draft, "musl-gcc.specs"), moved);
  });
}

/** Bun for arm64, which the executable is made of: the version and content of the lock file. */
function ensureBun() {
  const target = join(ROOT, CROSS_BUN);
  const { version, integrity } = lockedBun();
  const stamp = join(target, "integrity");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === integrity) return;
  console.error(`setup: fetching ${BUN_PACKAGE} ${version}`);
  inDraft(target, (draft) => {
    run("npm", ["pack", "--silent", "--pack-destination", draft, `${BUN_PACKAGE}@${version}`], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const archive = join(draft, readdirSync(draft)[0]);
    const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
    if (`sha512-${digest}` !== integrity) fail(`${BUN_PACKAGE} is not what package-lock.json says`);
    run("tar", ["-xzf", archive, "-C", draft, "--strip-components=1"]);
    rmSync(archive);
    writeFileSync(join(draft, "integrity"), integrity);
  });
}

function lockedBun() {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  return lock.packages[`node_modules/${BUN_PACKAGE}`];
}

/** Makes a folder beside its place and moves it there whole. */
function inDraft(target, work) {
  mkdirSync(dirname(target), { recursive: true });
  const draft = mkdtempSync(`${target}.`);
  try {
    work(draft);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
