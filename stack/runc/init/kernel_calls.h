/* System calls for mounts that a small C library may lack. All return -1 with errno. */
#ifndef CATENA_KERNEL_CALLS_H
#define CATENA_KERNEL_CALLS_H

#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int kernel_open_tree(int dir, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, dir, path, flags);
}

static inline int kernel_move_mount(int from, int to, unsigned flags) {
  return (int)syscall(SYS_move_mount, from, "", to, "", flags);
}

static inline int kernel_mount_setattr(int fd, unsigned flags, struct mount_attr *change) {
  return (int)syscall(SYS_mount_setattr, fd, "", flags, change, sizeof *change);
}

static inline int kernel_fsopen(const char *type, unsigned flags) {
  return (int)syscall(SYS_fsopen, type, flags);
}

static inline int kernel_fsconfig(int fd, unsigned command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fd, command, key, value, 0);
}

static inline int kernel_fsmount(int fd, unsigned flags, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

#endif
