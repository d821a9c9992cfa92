/* libseccomp as one call: a list of rules in, BPF out. An addon of its own, since few commands need
 * it and it is larger than all the rest. libseccomp is linked in statically. */
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel takes 4096 instructions of 8 bytes; libseccomp may briefly emit more. */
#define MAX_FILTER_BYTES (64u << 10)
#define MAX_NAME 128
#define MAX_ARGUMENTS 6

static napi_value fail(napi_env env, const char *what, const char *name, int code) {
  char text[512];
  snprintf(text, sizeof text, "%s %s: %s", what, name, strerror(code < 0 ? -code : code));
  napi_throw_error(env, NULL, text);
  return NULL;
}

static napi_value element(napi_env env, napi_value array, uint32_t index) {
  napi_value out = NULL;
  napi_get_element(env, array, index, &out);
  return out;
}

static uint32_t length_of(napi_env env, napi_value array) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  return length;
}

static uint32_t number_of(napi_env env, napi_value value) {
  uint32_t out = 0;
  napi_get_value_uint32(env, value, &out);
  return out;
}

static uint64_t big_of(napi_env env, napi_value value) {
  uint64_t out = 0;
  bool lossless;
  napi_get_value_bigint_uint64(env, value, &out, &lossless);
  return out;
}

static void text_of(napi_env env, napi_value value, char out[MAX_NAME]) {
  size_t length = 0;
  out[0] = '\0';
  napi_get_value_string_utf8(env, value, out, MAX_NAME, &length);
}

/* A rule is [name, action, [index, operator, a, b, index, …]]. Unknown calls are left out. */
static int add_rule(napi_env env, scmp_filter_ctx filter, napi_value rule, char name[MAX_NAME]) {
  text_of(env, element(env, rule, 0), name);
  uint32_t action = number_of(env, element(env, rule, 1));
  napi_value list = element(env, rule, 2);
  uint32_t count = length_of(env, list) / 4;
  int call = seccomp_syscall_resolve_name(name);
  if (call == __NR_SCMP_ERROR) return 0;
  if (count > MAX_ARGUMENTS) return -EINVAL;
  struct scmp_arg_cmp compare[MAX_ARGUMENTS];
  for (uint32_t i = 0; i < count; i++) {
    compare[i].arg = number_of(env, element(env, list, i * 4));
    compare[i].op = (enum scmp_compare)number_of(env, element(env, list, i * 4 + 1));
    compare[i].datum_a = big_of(env, element(env, list, i * 4 + 2));
    compare[i].datum_b = big_of(env, element(env, list, i * 4 + 3));
  }
  return seccomp_rule_add_array(filter, action, call, count, compare);
}

static napi_value export_filter(napi_env env, scmp_filter_ctx filter) {
  int fd = memfd_create("seccomp", MFD_CLOEXEC);
  if (fd < 0) return fail(env, "memfd", "", errno);
  int result = seccomp_export_bpf(filter, fd);
  struct stat st;
  if (result == 0 && fstat(fd, &st) < 0) result = -errno;
  if (result == 0 && st.st_size > MAX_FILTER_BYTES) result = -E2BIG;
  napi_value out = NULL;
  void *data = NULL;
  if (result == 0) napi_create_buffer(env, (size_t)st.st_size, &data, &out);
  if (result == 0 && pread(fd, data, (size_t)st.st_size, 0) != st.st_size) result = -EIO;
  close(fd);
  return result == 0 ? out : fail(env, "export filter", "", result);
}

static int prepare(scmp_filter_ctx filter, bool tree) {
  int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
  /* A sorted tree takes a third of the checks of a list; old libraries know only the list. */
  if (result == 0 && tree) (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  return result;
}

/* compile(default action, architecture tokens, rules, tree): bytes */
static napi_value call_compile(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value args[4];
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  bool tree = false;
  napi_get_value_bool(env, args[3], &tree);
  scmp_filter_ctx filter = seccomp_init(number_of(env, args[0]));
  if (filter == NULL) return fail(env, "filter", "", EINVAL);
  napi_value out = NULL;
  int result = prepare(filter, tree);
  if (result != 0) out = fail(env, "filter", "", result);
  uint32_t architectures = length_of(env, args[1]);
  for (uint32_t i = 0; i < architectures && result == 0; i++) {
    result = seccomp_arch_add(filter, number_of(env, element(env, args[1], i)));
    if (result == -EEXIST) result = 0;
    if (result != 0) out = fail(env, "architecture", "", result);
  }
  uint32_t rules = length_of(env, args[2]);
  char name[MAX_NAME];
  for (uint32_t i = 0; i < rules && result == 0; i++) {
    result = add_rule(env, filter, element(env, args[2], i), name);
    if (result != 0) out = fail(env, "rule for", name, result);
  }
  if (result == 0) out = export_filter(env, filter);
  seccomp_release(filter);
  return out;
}

/* resolve(architecture token, name): call number, negative when that architecture has none */
static napi_value call_resolve(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value args[2], out;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  char name[MAX_NAME];
  text_of(env, args[1], name);
  napi_create_int32(env, seccomp_syscall_resolve_name_arch(number_of(env, args[0]), name), &out);
  return out;
}

/* version(): "2.5.4" */
static napi_value call_version(napi_env env, napi_callback_info info) {
  (void)info;
  const struct scmp_version *version = seccomp_version();
  char text[64];
  snprintf(text, sizeof text, "%u.%u.%u", version->major, version->minor, version->micro);
  napi_value out;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &out);
  return out;
}

static void add(napi_env env, napi_value exports, const char *name, napi_callback call) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT() {
  add(env, exports, "compile", call_compile);
  add(env, exports, "resolve", call_resolve);
  add(env, exports, "version", call_version);
  return exports;
}
