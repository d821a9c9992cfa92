/* Registration of the native addon, and what its files share. */
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void addon_args(napi_env env, napi_callback_info info, napi_value args[ADDON_MAX_ARGS]) {
  size_t count = ADDON_MAX_ARGS;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
}

int64_t addon_int(napi_env env, napi_value value, int64_t otherwise) {
  int64_t out;
  bool lossless;
  if (napi_get_value_int64(env, value, &out) == napi_ok) return out;
  if (napi_get_value_bigint_int64(env, value, &out, &lossless) == napi_ok) return out;
  return otherwise;
}

char *addon_string(napi_env env, napi_value value) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
  char *out = malloc(length + 1);
  if (out == NULL) return NULL;
  napi_get_value_string_utf8(env, value, out, length + 1, &length);
  return out;
}

bool addon_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length) {
  bool is_buffer = false;
  if (napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer) return false;
  void *raw = NULL;
  if (napi_get_buffer_info(env, value, &raw, length) != napi_ok) return false;
  *data = raw;
  return true;
}

napi_value addon_number(napi_env env, int64_t value) {
  napi_value out;
  napi_create_int64(env, value, &out);
  return out;
}

napi_value addon_undefined(napi_env env) {
  napi_value out;
  napi_get_undefined(env, &out);
  return out;
}

static void set_string(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, key, value);
}

napi_value addon_throw_errno(napi_env env, int number, const char *syscall, const char *path) {
  const char *name = strerrorname_np(number);
  char text[512];
  snprintf(text, sizeof text, "%s: %s, %s%s%s%s", name ? name : "errno", strerror(number), syscall,
           path ? " '" : "", path ? path : "", path ? "'" : "");
  napi_value message, error;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, NULL, message, &error);
  set_string(env, error, "code", name ? name : "UNKNOWN");
  set_string(env, error, "syscall", syscall);
  if (path) set_string(env, error, "path", path);
  napi_set_named_property(env, error, "errno", addon_number(env, -number));
  napi_throw(env, error);
  return NULL;
}

static void add_table(napi_env env, napi_value exports, const struct addon_function *table) {
  for (; table->name != NULL; table++) {
    napi_value function;
    napi_create_function(env, table->name, NAPI_AUTO_LENGTH, table->call, NULL, &function);
    napi_set_named_property(env, exports, table->name, function);
  }
}

NAPI_MODULE_INIT() {
  add_table(env, exports, mount_functions);
  add_table(env, exports, descriptor_functions);
  add_table(env, exports, file_functions);
  add_table(env, exports, socket_functions);
  add_table(env, exports, bpf_functions);
  add_table(env, exports, process_functions);
  add_table(env, exports, memory_functions);
  add_table(env, exports, watch_functions);
  add_table(env, exports, foreground_functions);
  add_table(env, exports, oom_event_functions);
  add_table(env, exports, notify_functions);
  add_table(env, exports, rooted_functions);
  add_table(env, exports, layer_functions);
  add_table(env, exports, network_namespace_functions);
  add_table(env, exports, quick_functions);
  return exports;
}
