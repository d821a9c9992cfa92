/* What the files of the addon share: argument readers and the way that errors reach JavaScript. */
#ifndef CATENA_ADDON_H
#define CATENA_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most arguments that any function of the addon takes. */
#define ADDON_MAX_ARGS 12

struct addon_function {
  const char *name;
  napi_callback call;
};

/* Each file exports one table, ended by an empty row; addon.c registers them all. */
extern const struct addon_function mount_functions[];
extern const struct addon_function descriptor_functions[];
extern const struct addon_function file_functions[];
extern const struct addon_function socket_functions[];
extern const struct addon_function bpf_functions[];
extern const struct addon_function process_functions[];
extern const struct addon_function memory_functions[];
extern const struct addon_function watch_functions[];
extern const struct addon_function foreground_functions[];
extern const struct addon_function oom_event_functions[];
extern const struct addon_function notify_functions[];
extern const struct addon_function rooted_functions[];
extern const struct addon_function layer_functions[];
extern const struct addon_function network_namespace_functions[];
extern const struct addon_function quick_functions[];

/* Reads up to ADDON_MAX_ARGS arguments; missing ones are undefined. */
void addon_args(napi_env env, napi_callback_info info, napi_value args[ADDON_MAX_ARGS]);

int64_t addon_int(napi_env env, napi_value value, int64_t otherwise);

/* A copy of a string argument, NULL when it is null or undefined. Free it with free(). */
char *addon_string(napi_env env, napi_value value);

/* The bytes of a Buffer or Uint8Array; false when it is neither. They belong to JavaScript. */
bool addon_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length);

napi_value addon_number(napi_env env, int64_t value);
napi_value addon_undefined(napi_env env);

/* Throws an Error shaped like Node's system errors: code, errno (negative), syscall, path. */
napi_value addon_throw_errno(napi_env env, int number, const char *syscall, const char *path);

#endif
