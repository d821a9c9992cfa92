/**
 * One executable, several names: the name of the link tells which. Each is a chunk of its own
 * (`import()` with `--splitting`), so that a runtime command does not even read a daemon's code:
 * one bundle for all was measured to double the start-up of `catena-runc`.
 * `#runc-link` is links/runc.ts, which the build bundles by itself first: tools/setup/build.mjs.
 */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  // Not node:path: loading it would cost a tenth of a whole `catena-runc state`.
  switch (process.argv0.slice(process.argv0.lastIndexOf("/") + 1)) {
    case "catena-runc":
      return (await import("#runc-link")).main(args);
    case "containerd-shim-catena-v2":
      return (await import("./links/shim.ts")).main(args);
    default:
      return (await import("./links/catena.ts")).main(args);
  }
}

void main();
