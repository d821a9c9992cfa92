export const SIGKILL_EXIT = 137;
