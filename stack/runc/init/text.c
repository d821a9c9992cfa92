/* The little text handling that is needed without allocation. */
#include "init.h"

size_t text_number(char *out, uint64_t value) {
  char digits[24];
  size_t count = 0, length = 0;
  do digits[count++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) out[length++] = digits[--count];
  return length;
}

bool text_join(char *out, size_t size, const char *const *parts, size_t count) {
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    size_t length = strlen(parts[i]);
    if (length >= size - used) return false;
    memcpy(out + used, parts[i], length);
    used += length;
  }
  out[used] = 0;
  return true;
}
