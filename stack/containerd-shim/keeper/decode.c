/* Reading packets. Their sender may be anything: every length, count and string is checked. */
#include "keeper.h"

#include <errno.h>
#include <string.h>

enum { HAS_EXEC_FD = 1, HAS_STDIO = 2 };

int decode_header(const uint8_t *bytes, uint32_t length, struct header *out) {
  if (length < sizeof *out) return EBADMSG;
  memcpy(out, bytes, sizeof *out);
  return out->length == length ? 0 : EBADMSG;
}

static bool take_number(const uint8_t **at, const uint8_t *end, uint32_t *out) {
  if ((size_t)(end - *at) < sizeof *out) return false;
  memcpy(out, *at, sizeof *out);
  *at += sizeof *out;
  return true;
}

static char *take_string(const uint8_t **at, const uint8_t *end) {
  const uint8_t *nul = *at < end ? memchr(*at, 0, (size_t)(end - *at)) : NULL;
  if (nul == NULL) return NULL;
  char *out = (char *)(uintptr_t)*at;
  *at = nul + 1;
  return out;
}

static bool take_strings(const uint8_t **at, const uint8_t *end, char **out, uint32_t count) {
  if (count > MAX_STRINGS / 2) return false;
  for (uint32_t i = 0; i < count; i++)
    if ((out[i] = take_string(at, end)) == NULL) return false;
  out[count] = NULL;
  return true;
}

/* flags, argc, envc, count of extra fds, their numbers in the child; executable, folder, argv, env.
   Descriptors in order: the executable's, three for stdio, the extra ones. */
int decode_launch(const struct packet *packet, struct launch *out) {
  const uint8_t *at = packet->payload, *end = at + packet->size;
  uint32_t flags, argc, envc, used = 0, target;
  memset(out, 0, sizeof *out);
  if (!take_number(&at, end, &flags) || !take_number(&at, end, &argc) ||
      !take_number(&at, end, &envc) || !take_number(&at, end, &out->fd_count))
    return EBADMSG;
  if (out->fd_count > MAX_FDS || argc == 0) return EBADMSG;
  uint32_t expected =
      out->fd_count + ((flags & HAS_EXEC_FD) ? 1 : 0) + ((flags & HAS_STDIO) ? 3 : 0);
  if (packet->fd_count != expected) return EBADMSG;
  out->exec_fd = (flags & HAS_EXEC_FD) ? packet->fds[used++] : -1;
  for (int i = 0; i < 3; i++) out->stdio[i] = (flags & HAS_STDIO) ? packet->fds[used++] : -1;
  for (uint32_t i = 0; i < out->fd_count; i++) {
    if (!take_number(&at, end, &target) || target < 3 || target > 1023) return EBADMSG;
    for (uint32_t j = 0; j < i; j++)
      if (out->targets[j] == (int)target) return EBADMSG;
    out->targets[i] = (int)target;
    out->fds[i] = packet->fds[used++];
  }
  out->executable = take_string(&at, end);
  out->directory = take_string(&at, end);
  if (out->executable == NULL || out->directory == NULL) return EBADMSG;
  if (!take_strings(&at, end, out->argv, argc)) return EBADMSG;
  if (!take_strings(&at, end, out->env, envc)) return EBADMSG;
  return at == end ? 0 : EBADMSG;
}

/* One byte for each descriptor says its role; no role twice. */
int decode_roles(const struct packet *packet, int fds[ROLES]) {
  for (int role = 0; role < ROLES; role++) fds[role] = -1;
  if (packet->size != packet->fd_count) return EBADMSG;
  for (uint32_t i = 0; i < packet->size; i++) {
    uint8_t role = packet->payload[i];
    if (role >= ROLES || fds[role] >= 0) return EBADMSG;
    fds[role] = packet->fds[i];
  }
  return 0;
}
