import { basename } from "node:path";

/**
 * One executable, several names: the name of the link tells which. Each branch loads its own
 * modules only, so that a runtime command never pays for a daemon's.
 */
function main(): void {
  switch (basename(process.argv0)) {
    case "catena-runc":
      require("./links/runc.ts").main(process.argv.slice(2));
      return;
    case "containerd-shim-catena-v2":
      require("./links/shim.ts").main(process.argv.slice(2));
      return;
    default:
      require("./links/catena.ts").main(process.argv.slice(2));
  }
}

main();
