/* Plain file calls with errno-true failures. A short-lived runtime command uses them instead of
 * node:fs, whose loading alone costs more than all the calls that such a command makes. */
#include "addon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Largest text that readText takes: state files and /proc files are far below. */
#define MAX_TEXT (64u << 20)

/* Reads to the end of file, or of what a non-blocking descriptor holds. NULL with errno set on
 * failure. The caller frees the result. */
static char *read_all(int fd, size_t *length) {
  size_t capacity = 4096, used = 0;
  char *data = malloc(capacity);
  while (data != NULL) {
    ssize_t got = read(fd, data + used, capacity - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN) break;
    if (got <= 0) {
      *length = used;
      return data;
    }
    used += (size_t)got;
    if (used < capacity) continue;
    if (capacity >= MAX_TEXT) {
      errno = EFBIG;
      break;
    }
    capacity *= 4;
    char *larger = realloc(data, capacity);
    if (larger == NULL) break;
    data = larger;
  }
  int number = errno;
  free(data);
  errno = number;
  return NULL;
}

/* readText(path): string */
static napi_value call_read_text(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out = NULL;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  if (path == NULL) return addon_throw_errno(env, EINVAL, "open", NULL);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    out = addon_throw_errno(env, errno, "open", path);
  } else {
    size_t length = 0;
    char *data = read_all(fd, &length);
    int number = errno;
    close(fd);
    if (data == NULL) {
      out = addon_throw_errno(env, number, "read", path);
    } else {
      napi_create_string_utf8(env, data, length, &out);
      free(data);
    }
  }
  free(path);
  return out;
}

/* readDescriptor(fd): string, to the end of file or of what is there */
static napi_value call_read_descriptor(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out = NULL;
  addon_args(env, info, args);
  size_t length = 0;
  char *data = read_all((int)addon_int(env, args[0], -1), &length);
  if (data == NULL) return addon_throw_errno(env, errno, "read", NULL);
  napi_create_string_utf8(env, data, length, &out);
  free(data);
  return out;
}

static int write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t put = write(fd, data, length);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    data += put;
    length -= (size_t)put;
  }
  return 0;
}

/* writeText(path, text, flags, mode): opens, writes in one write where possible, closes */
static napi_value call_write_text(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out = addon_undefined(env);
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]), *text = addon_string(env, args[1]);
  if (path == NULL || text == NULL) {
    free(path), free(text);
    return addon_throw_errno(env, EINVAL, "open", NULL);
  }
  int flags = (int)addon_int(env, args[2], O_WRONLY) | O_CLOEXEC;
  int fd = open(path, flags, (mode_t)addon_int(env, args[3], 0600));
  if (fd < 0) {
    out = addon_throw_errno(env, errno, "open", path);
  } else {
    int failed = write_all(fd, text, strlen(text)) < 0 ? errno : 0;
    if (close(fd) < 0 && failed == 0) failed = errno;
    if (failed != 0) out = addon_throw_errno(env, failed, "write", path);
  }
  free(path);
  free(text);
  return out;
}

/* writeDescriptor(fd, text) */
static napi_value call_write_descriptor(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *text = addon_string(env, args[1]);
  if (text == NULL) return addon_throw_errno(env, EINVAL, "write", NULL);
  int failed = write_all((int)addon_int(env, args[0], -1), text, strlen(text)) < 0 ? errno : 0;
  free(text);
  return failed ? addon_throw_errno(env, failed, "write", NULL) : addon_undefined(env);
}

/* openFile(path, flags, mode): fd, close-on-exec */
static napi_value call_open_file(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  if (path == NULL) return addon_throw_errno(env, EINVAL, "open", NULL);
  int fd = open(path, (int)addon_int(env, args[1], O_RDONLY) | O_CLOEXEC,
                (mode_t)addon_int(env, args[2], 0600));
  napi_value out =
      fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, errno, "open", path);
  free(path);
  return out;
}

/* closeFile(fd) */
static napi_value call_close_file(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  if (close((int)addon_int(env, args[0], -1)) < 0) {
    return addon_throw_errno(env, errno, "close", NULL);
  }
  return addon_undefined(env);
}

enum path_operation { OP_RMDIR, OP_UNLINK, OP_MKDIR, OP_CHMOD, OP_CHOWN, OP_CHDIR, OP_RENAME };

static const char *const path_names[] = {"rmdir", "unlink", "mkdir", "chmod",
                                         "chown", "chdir",  "rename"};

static int path_call(enum path_operation operation, const char *path, const char *other,
                     int64_t first, int64_t second) {
  switch (operation) {
    case OP_RMDIR:
      return rmdir(path);
    case OP_UNLINK:
      return unlink(path);
    case OP_MKDIR:
      return mkdir(path, (mode_t)first);
    case OP_CHMOD:
      return chmod(path, (mode_t)first);
    case OP_CHOWN:
      return chown(path, (uid_t)first, (gid_t)second);
    case OP_CHDIR:
      return chdir(path);
    case OP_RENAME:
      return rename(path, other);
  }
  errno = EINVAL;
  return -1;
}

/* pathCall(operation, path, other or null, number, number) */
static napi_value call_path(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out = addon_undefined(env);
  addon_args(env, info, args);
  int64_t operation = addon_int(env, args[0], -1);
  char *path = addon_string(env, args[1]);
  char *other = addon_string(env, args[2]);
  if (path == NULL || operation < 0 || operation > OP_RENAME ||
      (operation == OP_RENAME && other == NULL)) {
    out = addon_throw_errno(env, EINVAL, "path", path);
  } else if (path_call((enum path_operation)operation, path, other, addon_int(env, args[3], 0),
                       addon_int(env, args[4], 0)) < 0) {
    out = addon_throw_errno(env, errno, path_names[operation], path);
  }
  free(path);
  free(other);
  return out;
}

static void set_number(napi_env env, napi_value object, const char *key, int64_t value) {
  napi_set_named_property(env, object, key, addon_number(env, value));
}

/* statFile(path, follow): {mode, uid, gid, dev, ino, rdev, size, modifiedMs}, or undefined when
 * there is no such file */
static napi_value call_stat_file(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  struct stat st;
  int result = -1;
  errno = EINVAL;
  if (path != NULL) result = addon_int(env, args[1], 1) ? stat(path, &st) : lstat(path, &st);
  if (result == 0) {
    napi_create_object(env, &out);
    set_number(env, out, "mode", st.st_mode);
    set_number(env, out, "uid", st.st_uid);
    set_number(env, out, "gid", st.st_gid);
    set_number(env, out, "dev", (int64_t)st.st_dev);
    set_number(env, out, "ino", (int64_t)st.st_ino);
    set_number(env, out, "rdev", (int64_t)st.st_rdev);
    set_number(env, out, "size", (int64_t)st.st_size);
    set_number(env, out, "modifiedMs", st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
  } else if (errno == ENOENT || errno == ENOTDIR) {
    out = addon_undefined(env);
  } else {
    out = addon_throw_errno(env, errno, "stat", path);
  }
  free(path);
  return out;
}

/* listFolder(path): names with their type, [name, DT_…, …], without . and .. */
static napi_value call_list_folder(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out, name;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  DIR *folder = path == NULL ? NULL : opendir(path);
  if (folder == NULL) {
    out = addon_throw_errno(env, path ? errno : EINVAL, "opendir", path);
    free(path);
    return out;
  }
  napi_create_array(env, &out);
  uint32_t index = 0;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    napi_create_string_utf8(env, entry->d_name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, out, index++, name);
    napi_set_element(env, out, index++, addon_number(env, entry->d_type));
  }
  closedir(folder);
  free(path);
  return out;
}

/* readLink(path): string */
static napi_value call_read_link(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  char target[4097];
  ssize_t length = path == NULL ? -1 : readlink(path, target, sizeof target);
  if (length < 0) {
    out = addon_throw_errno(env, path ? errno : EINVAL, "readlink", path);
  } else {
    napi_create_string_utf8(env, target, (size_t)length, &out);
  }
  free(path);
  return out;
}

/* killProcess(pid, signal) */
static napi_value call_kill(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  pid_t pid = (pid_t)addon_int(env, args[0], 0);
  /* 0 and -1 would signal our own group, or everyone. */
  if (pid <= 0) return addon_throw_errno(env, ESRCH, "kill", NULL);
  if (kill(pid, (int)addon_int(env, args[1], 0)) < 0) {
    return addon_throw_errno(env, errno, "kill", NULL);
  }
  return addon_undefined(env);
}

const struct addon_function file_functions[] = {
    {"readText", call_read_text},
    {"readDescriptor", call_read_descriptor},
    {"writeText", call_write_text},
    {"writeDescriptor", call_write_descriptor},
    {"openFile", call_open_file},
    {"closeFile", call_close_file},
    {"pathCall", call_path},
    {"statFile", call_stat_file},
    {"listFolder", call_list_folder},
    {"readLink", call_read_link},
    {"killProcess", call_kill},
    {NULL, NULL},
};
