/* The keeper's decoder under libFuzzer: whatever a packet holds, nothing is read beyond it. */
#include "keeper.h"

#include <stdlib.h>
#include <string.h>

/* Every string that was decoded must lie in the packet and end there. */
static size_t length_of(char *const *list) {
  size_t whole = 0;
  for (; *list != NULL; list++) whole += strlen(*list);
  return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct packet packet;
  static struct launch launch;
  struct header header;
  if (size < 1) return 0;
  memset(&packet, 0, sizeof packet);
  packet.fd_count = data[0] % MAX_FDS;
  for (uint32_t i = 0; i < packet.fd_count; i++) packet.fds[i] = (int)(100 + i);
  /* A copy of its very size: one byte beyond it is found by the address checker. */
  uint8_t *payload = malloc(size > 1 ? size - 1 : 1);
  memcpy(payload, data + 1, size - 1);
  packet.payload = payload;
  packet.size = (uint32_t)(size - 1);
  decode_header(payload, packet.size, &header);
  size_t used = 0;
  if (decode_launch(&packet, &launch) == 0)
    used = strlen(launch.executable) + strlen(launch.directory) + length_of(launch.argv) +
           length_of(launch.env);
  if (used > size) abort();
  int roles[ROLES];
  decode_roles(&packet, roles);
  free(payload);
  return 0;
}
