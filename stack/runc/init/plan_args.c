/* Arguments of an operation: bounds-checked reads from the plan's mapping. */
#include "init.h"

static const uint8_t *take(struct args *args, size_t length) {
  size_t padded = (length + 3) & ~(size_t)3;
  if (args->bad || padded < length || padded > (size_t)(args->end - args->at)) {
    args->bad = true;
    return NULL;
  }
  const uint8_t *at = args->at;
  args->at += padded;
  return at;
}

uint32_t arg_u32(struct args *args) {
  uint32_t value = 0;
  const uint8_t *at = take(args, sizeof value);
  if (at != NULL) memcpy(&value, at, sizeof value);
  return value;
}

int32_t arg_i32(struct args *args) { return (int32_t)arg_u32(args); }

uint64_t arg_u64(struct args *args) {
  uint64_t value = 0;
  const uint8_t *at = take(args, sizeof value);
  if (at != NULL) memcpy(&value, at, sizeof value);
  return value;
}

const uint8_t *arg_bytes(struct args *args, uint32_t *length) {
  *length = arg_u32(args);
  const uint8_t *at = take(args, *length);
  if (at == NULL) *length = 0;
  return at;
}

const char *arg_optional_text(struct args *args) {
  uint32_t length;
  const uint8_t *at = arg_bytes(args, &length);
  if (at == NULL || length == 0) return NULL;
  if (at[length - 1] != 0) args->bad = true;
  return args->bad ? NULL : (const char *)at;
}

const char *arg_text(struct args *args) {
  const char *text = arg_optional_text(args);
  if (text == NULL) args->bad = true;
  return text != NULL ? text : "";
}

uint32_t arg_texts(struct args *args, char **out, uint32_t most) {
  uint32_t count = arg_u32(args);
  if (count > most) {
    args->bad = true;
    count = 0;
  }
  for (uint32_t i = 0; i < count; i++) out[i] = (char *)arg_text(args);
  out[count] = NULL;
  return count;
}

void arg_attributes(struct args *args, struct attributes *out) {
  out->set = arg_u64(args);
  out->clear = arg_u64(args);
  out->recursive_set = arg_u64(args);
  out->recursive_clear = arg_u64(args);
  out->propagations = arg_u32(args);
  if (out->propagations > 8) {
    args->bad = true;
    out->propagations = 0;
  }
  for (uint32_t i = 0; i < out->propagations; i++) out->propagation[i] = arg_i32(args);
}
