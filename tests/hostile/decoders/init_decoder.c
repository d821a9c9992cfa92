/* Init's decoder under libFuzzer: the bounds of a plan, then each operation's arguments read in the
 * order that the input says. No operation is performed. */
#define main init_main
#include "main.c"
#undef main

enum {
  READ_U32,
  READ_U64,
  READ_TEXT,
  READ_OPTIONAL,
  READ_BYTES,
  READ_TEXTS,
  READ_ATTRIBUTES,
  READS
};

static void read_one(struct args *args, uint8_t kind) {
  static char *texts[64];
  struct attributes attributes;
  uint32_t length;
  const char *text = NULL;
  switch (kind % READS) {
    case READ_U32: arg_u32(args); break;
    case READ_U64: arg_u64(args); break;
    case READ_TEXT: text = arg_text(args); break;
    case READ_OPTIONAL: text = arg_optional_text(args); break;
    case READ_BYTES: arg_bytes(args, &length); break;
    case READ_TEXTS: arg_texts(args, texts, 60); break;
    default: arg_attributes(args, &attributes); break;
  }
  if (text != NULL && strlen(text) > plan_bytes) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 16) return 0;
  uint8_t *copy = malloc(size - 8);
  memcpy(copy, data + 8, size - 8);
  plan = copy;
  plan_bytes = size - 8;
  last_by_parent = 0;
  if (read_plan() == 0) {
    for (uint32_t index = 0; index < operations; index++) {
      size_t at = begins[index];
      const uint8_t *first = plan + at + OPERATION_HEADER_BYTES;
      struct args args = {.at = first, .end = first + word(at + 4)};
      call_of(word(at) & ~(OPERATION_OPTIONAL | OPERATION_BY_PARENT));
      for (int i = 0; i < 8 && !args.bad; i++) read_one(&args, data[i]);
    }
  }
  free(copy);
  return 0;
}
