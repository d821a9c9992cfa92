/** Fewer than this many threads left on a host: the next exec's share. */
export const HOST_RESERVE = 16;
