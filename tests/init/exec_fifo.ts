import { fcntl, POLL, poll } from "#lib/linux/descriptor.ts";
import { closeFile, O, openFile, readDescriptor } from "#lib/linux/file.ts";

const F_SETFL = 4;
const TIMEOUT_MS = 5_000;

/** Opens a container's exec.fifo for reading, as `runc start` does, and takes the "0" from it. */
export async function exchange(path: string): Promise<void> {
  const fd = openFile(path, O.RDONLY | O.NONBLOCK);
  try {
    const [ready] = poll([fd, POLL.IN], TIMEOUT_MS);
    if (!ready) throw new Error("nobody waits behind exec.fifo");
    fcntl(fd, F_SETFL, 0);
    const text = readDescriptor(fd);
    if (text !== "0") throw new Error(`exec.fifo said ${JSON.stringify(text)}`);
  } finally {
    closeFile(fd);
  }
}
