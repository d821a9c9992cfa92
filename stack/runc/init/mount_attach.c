/* Mounts as descriptors: made detached, given their attributes, then attached to a checked target.
 */
#include "init.h"
#include "kernel_calls.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_MAGIC 0x9fa0

int set_attributes(int mount_fd, const struct attributes *attributes) {
  struct mount_attr change = {.attr_set = attributes->set, .attr_clr = attributes->clear};
  struct mount_attr deep = {.attr_set = attributes->recursive_set,
                            .attr_clr = attributes->recursive_clear};
  if ((change.attr_set | change.attr_clr) != 0 &&
      kernel_mount_setattr(mount_fd, AT_EMPTY_PATH, &change) < 0) {
    /* In a user namespace the source's nosuid, nodev, noexec, ro are locked: they stay set. */
    if (errno != EPERM || change.attr_set == 0) return errno;
    change.attr_clr &= MOUNT_ATTR__ATIME & ~change.attr_set;
    if (kernel_mount_setattr(mount_fd, AT_EMPTY_PATH, &change) < 0) return errno;
  }
  if ((deep.attr_set | deep.attr_clr) != 0 &&
      kernel_mount_setattr(mount_fd, AT_EMPTY_PATH | AT_RECURSIVE, &deep) < 0)
    return errno;
  return 0;
}

int attach_mount(int mount_fd, int target_fd, const struct attributes *attributes) {
  if (kernel_move_mount(mount_fd, target_fd, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return errno;
  for (uint32_t i = 0; attributes != NULL && i < attributes->propagations; i++) {
    unsigned flags = (unsigned)attributes->propagation[i];
    struct mount_attr change = {.propagation = flags & ~(unsigned)MS_REC};
    unsigned deep = flags & MS_REC ? AT_RECURSIVE : 0;
    if (kernel_mount_setattr(mount_fd, AT_EMPTY_PATH | deep, &change) < 0) return errno;
  }
  return 0;
}

/* A new detached mount of a new file system; -1 with errno. `options` is a list of key and value.
 */
int new_filesystem(const char *type, const char *source, struct args *options,
                   uint64_t attributes) {
  int context = kernel_fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  bool good =
      source[0] == 0 || kernel_fsconfig(context, FSCONFIG_SET_STRING, "source", source) == 0;
  uint32_t count = options != NULL ? arg_u32(options) : 0;
  for (uint32_t i = 0; i < count; i++) {
    const char *key = arg_text(options), *value = arg_optional_text(options);
    if (!good || options->bad) continue;
    good =
        kernel_fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value) == 0;
    if (!good) report_detail(key);
  }
  good = good && kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) == 0;
  int mount_fd = good ? kernel_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes) : -1;
  int failed = errno;
  close(context);
  errno = failed;
  return mount_fd;
}

/* Binds what a descriptor names over what another names. */
int bind_over(int source_fd, int target_fd) {
  int tree = kernel_open_tree(source_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return errno;
  int failed = attach_mount(tree, target_fd, NULL);
  close(tree);
  return failed;
}

static bool is_procfs(int fd) {
  struct statfs of;
  return fstatfs(fd, &of) == 0 && of.f_type == PROC_MAGIC;
}

/* What is mounted on or below /proc could fake what later steps and the container's tools trust:
 * nothing but a procfs goes on it, and below it only what stands for a harmless file. */
static int check_proc(int target_fd, bool mounts_proc, bool harmless) {
  if (is_procfs(target_fd)) return harmless ? 0 : EPERM;
  struct stat target, proc;
  int fd = open_in_root("/proc", O_PATH);
  if (fd < 0) return 0;
  bool known = fstat(fd, &proc) == 0 && fstat(target_fd, &target) == 0;
  close(fd);
  if (!known) return EPERM;
  bool same = proc.st_dev == target.st_dev && proc.st_ino == target.st_ino;
  return same && !mounts_proc ? EPERM : 0;
}

static int bind_tree(int tree, const char *target, const struct attributes *attributes,
                     bool inside_proc) {
  struct stat found;
  if (fstat(tree, &found) < 0) return errno;
  int failed = set_attributes(tree, attributes);
  if (failed != 0) return failed;
  int at = make_in_root(target, S_ISDIR(found.st_mode) ? NODE_FOLDER : NODE_FILE, false);
  if (at < 0) return errno;
  failed = check_proc(at, is_procfs(tree), inside_proc);
  if (failed == 0) failed = attach_mount(tree, at, attributes);
  close(at);
  return failed;
}

static int bind_path(const char *source, bool deep, const char *target,
                     const struct attributes *attributes, bool inside_proc) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (deep ? AT_RECURSIVE : 0);
  int tree = kernel_open_tree(AT_FDCWD, source, flags);
  if (tree < 0) {
    report_detail(source);
    return errno;
  }
  int failed = bind_tree(tree, target, attributes, inside_proc);
  close(tree);
  return failed;
}

int op_bind(struct args *args) {
  struct attributes attributes;
  const char *source = arg_text(args);
  int32_t slot = arg_i32(args);
  const char *target = arg_text(args);
  bool deep = arg_u32(args) != 0;
  arg_attributes(args, &attributes);
  bool inside_proc = arg_u32(args) != 0;
  if (args->bad) return EBADMSG;
  if (slot_fd(slot) >= 0) return bind_tree(slot_fd(slot), target, &attributes, inside_proc);
  return bind_path(source, deep, target, &attributes, inside_proc);
}

static void skip_options(struct args *args) {
  for (uint32_t left = arg_u32(args); left > 0 && !args->bad; left--) {
    arg_text(args);
    arg_optional_text(args);
  }
}

/* Before the new root directory is covered: its mode, and its content where that is asked for. */
static int take_over(int mount_fd, int target_fd, bool keep_mode, bool copy_up) {
  struct stat covered;
  if (fstat(target_fd, &covered) < 0) return errno;
  if (!keep_mode && !copy_up) return 0;
  int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (to < 0) return errno;
  int failed = keep_mode && fchmod(to, covered.st_mode & 07777) < 0 ? errno : 0;
  int from =
      failed == 0 && copy_up ? openat(target_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (failed == 0 && copy_up) failed = from < 0 ? errno : copy_tree(from, to);
  if (from >= 0) close(from);
  close(to);
  return failed;
}

int op_mount(struct args *args) {
  struct attributes attributes;
  const char *type = arg_text(args), *source = arg_text(args), *target = arg_text(args);
  struct args options = *args;
  skip_options(args);
  arg_attributes(args, &attributes);
  bool plain = arg_u32(args), keep_mode = arg_u32(args), copy_up = arg_u32(args);
  const char *bind_instead = arg_text(args);
  if (args->bad) return EBADMSG;
  struct stat existing;
  int before = open_in_root(target, O_PATH);
  bool existed = before >= 0 && fstat(before, &existing) == 0;
  if (before >= 0) close(before);
  int target_fd = make_in_root(target, NODE_FOLDER, plain);
  if (target_fd < 0) return errno;
  bool is_proc = strcmp(type, "proc") == 0;
  int failed = check_proc(target_fd, is_proc, is_proc);
  int mount_fd = failed == 0 ? new_filesystem(type, source, &options, attributes.set) : -1;
  if (failed == 0 && mount_fd < 0) failed = errno;
  if ((failed == EPERM || failed == EBUSY) && bind_instead[0] != 0) {
    close(target_fd);
    return bind_path(bind_instead, false, target, &attributes, false);
  }
  if (failed == 0)
    failed = take_over(mount_fd, target_fd, keep_mode && existed, copy_up && existed);
  if (failed == 0) failed = attach_mount(mount_fd, target_fd, &attributes);
  close(target_fd);
  if (mount_fd >= 0) close(mount_fd);
  return failed;
}

int op_mount_text(struct args *args) {
  const char *type = arg_text(args), *source = arg_text(args), *target = arg_text(args);
  uint32_t flags = arg_u32(args);
  const char *data = arg_text(args);
  if (args->bad) return EBADMSG;
  int target_fd = make_in_root(target, NODE_FOLDER, false);
  if (target_fd < 0) return errno;
  char path[64], number[24];
  number[text_number(number, (uint64_t)target_fd)] = 0;
  const char *parts[] = {"/proc/self/fd/", number};
  text_join(path, sizeof path, parts, 2);
  bool is_proc = strcmp(type, "proc") == 0;
  int failed = check_proc(target_fd, is_proc, is_proc);
  if (failed == 0 && mount(source, path, type, flags, data) < 0) failed = errno;
  close(target_fd);
  return failed;
}

int op_remount_readonly(struct args *args) {
  struct mount_attr change = {.attr_set = MOUNT_ATTR_RDONLY};
  int fd = open_in_root(arg_text(args), O_PATH);
  if (fd < 0) return errno;
  int failed = kernel_mount_setattr(fd, AT_EMPTY_PATH, &change) < 0 ? errno : 0;
  close(fd);
  return failed;
}
