/* bpf(2) as far as device control of cgroup v2 needs it: load, attach, list, detach. */
#include "addon.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Programs on one cgroup: the kernel's own limit is 64. */
#define MAX_PROGRAMS 64
#define MAX_INSTRUCTIONS 4096

static long bpf_call(int command, union bpf_attr *attr) {
  return syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* bpfLoadDevice(instructions): program fd */
static napi_value call_load(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint8_t *code = NULL;
  size_t length = 0;
  if (!addon_bytes(env, args[0], &code, &length) || length % sizeof(struct bpf_insn) != 0 ||
      length / sizeof(struct bpf_insn) > MAX_INSTRUCTIONS) {
    return addon_throw_errno(env, EINVAL, "bpf", NULL);
  }
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = (uintptr_t)code;
  attr.insn_cnt = (uint32_t)(length / sizeof(struct bpf_insn));
  attr.license = (uintptr_t) "Apache";
  long fd = bpf_call(BPF_PROG_LOAD, &attr);
  return fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, errno, "bpf", NULL);
}

static void device_attr(union bpf_attr *attr, int cgroup, int program) {
  memset(attr, 0, sizeof *attr);
  attr->target_fd = (uint32_t)cgroup;
  attr->attach_bpf_fd = (uint32_t)program;
  attr->attach_type = BPF_CGROUP_DEVICE;
}

/* bpfAttachDevice(cgroup fd, program fd) beside those that are attached already */
static napi_value call_attach(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  union bpf_attr attr;
  device_attr(&attr, (int)addon_int(env, args[0], -1), (int)addon_int(env, args[1], -1));
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf_call(BPF_PROG_ATTACH, &attr) < 0) return addon_throw_errno(env, errno, "bpf", NULL);
  return addon_undefined(env);
}

/* bpfDevicePrograms(cgroup fd): ids of the programs attached to this very cgroup */
static napi_value call_query(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  uint32_t ids[MAX_PROGRAMS] = {0};
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.query.target_fd = (uint32_t)addon_int(env, args[0], -1);
  attr.query.attach_type = BPF_CGROUP_DEVICE;
  attr.query.prog_ids = (uintptr_t)ids;
  attr.query.prog_cnt = MAX_PROGRAMS;
  if (bpf_call(BPF_PROG_QUERY, &attr) < 0) return addon_throw_errno(env, errno, "bpf", NULL);
  napi_create_array_with_length(env, attr.query.prog_cnt, &out);
  for (uint32_t i = 0; i < attr.query.prog_cnt && i < MAX_PROGRAMS; i++) {
    napi_set_element(env, out, i, addon_number(env, ids[i]));
  }
  return out;
}

/* bpfDetachDevice(cgroup fd, program id) */
static napi_value call_detach(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_id = (uint32_t)addon_int(env, args[1], 0);
  long program = bpf_call(BPF_PROG_GET_FD_BY_ID, &attr);
  if (program < 0) return addon_throw_errno(env, errno, "bpf", NULL);
  device_attr(&attr, (int)addon_int(env, args[0], -1), (int)program);
  long result = bpf_call(BPF_PROG_DETACH, &attr);
  int number = errno;
  close((int)program);
  return result < 0 ? addon_throw_errno(env, number, "bpf", NULL) : addon_undefined(env);
}

const struct addon_function bpf_functions[] = {
    {"bpfLoadDevice", call_load},
    {"bpfAttachDevice", call_attach},
    {"bpfDevicePrograms", call_query},
    {"bpfDetachDevice", call_detach},
    {NULL, NULL},
};
