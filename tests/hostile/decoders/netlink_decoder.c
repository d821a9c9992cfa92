/* What init reads of rtnetlink's answers, under libFuzzer: the messages of one datagram, and the
 * addresses of an interface in them. Nothing is sent, and nothing is read beyond the datagram. */
#define main init_main
#include "main.c"
#undef main
#include "netlink.c"
#include "network.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  /* A copy of its very size: one byte beyond it is found by the address checker. */
  char *datagram = malloc(size - 1 > 0 ? size - 1 : 1);
  memcpy(datagram, data + 1, size - 1);
  bool last = false;
  address_count = 0;
  each_message(datagram, datagram + size - 1, keep_address, data[0], &last);
  if (address_count > MAX_ADDRESSES) abort();
  for (uint32_t i = 0; i < address_count; i++) {
    if (addresses[i].length > sizeof addresses[i].bytes) abort();
  }
  free(datagram);
  return 0;
}
