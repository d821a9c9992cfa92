/* The container's root: entering it, its nodes and links, and what is hidden in it. */
#include "init.h"
#include "kernel_calls.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>

int op_propagation(struct args *args) {
  const char *path = arg_text(args);
  return mount(NULL, path, NULL, arg_u32(args), NULL) == 0 ? 0 : errno;
}

int op_root_bind(struct args *args) {
  const char *path = arg_text(args);
  int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) return errno;
  int tree = kernel_open_tree(target, "",
                              AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  int failed = tree < 0 ? errno : attach_mount(tree, target, NULL);
  close(target);
  if (failed == 0) root_fd = tree;
  return failed;
}

int op_root_open(struct args *args) {
  root_fd = open(arg_text(args), O_PATH | O_DIRECTORY | O_CLOEXEC);
  return root_fd < 0 ? errno : 0;
}

int op_root_current(struct args *args) {
  (void)args;
  root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return root_fd < 0 ? errno : 0;
}

int op_mkdir(struct args *args) {
  const char *path = arg_text(args);
  arg_u32(args);
  int fd = make_in_root(path, NODE_FOLDER, false);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static int bind_host_node(const char *path) {
  int source = open(path, O_PATH | O_CLOEXEC);
  if (source < 0) return errno;
  int target = make_in_root(path, NODE_FILE, false);
  int failed = target < 0 ? errno : bind_over(source, target);
  close(source);
  if (target >= 0) close(target);
  return failed;
}

int op_mknod(struct args *args) {
  const char *path = arg_text(args);
  uint32_t mode = arg_u32(args), major = arg_u32(args), minor = arg_u32(args);
  uint32_t uid = arg_u32(args), gid = arg_u32(args);
  if (arg_u32(args)) return bind_host_node(path);
  if (args->bad) return EBADMSG;
  char name[NAME_MAX + 1];
  int dir = make_parent(path, name);
  if (dir < 0) return errno;
  mode_t before = umask(0);
  int failed = mknodat(dir, name, mode, makedev(major, minor)) < 0 ? errno : 0;
  umask(before);
  if (failed == 0 && fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) failed = errno;
  close(dir);
  if (failed == EEXIST) return 0;
  return failed == EPERM ? bind_host_node(path) : failed;
}

int op_symlink(struct args *args) {
  const char *target = arg_text(args), *path = arg_text(args);
  uint32_t replace = arg_u32(args);
  if (args->bad) return EBADMSG;
  char name[NAME_MAX + 1];
  int dir = make_parent(path, name);
  if (dir < 0) return errno;
  if (replace) unlinkat(dir, name, 0);
  int failed = symlinkat(target, dir, name) < 0 ? errno : 0;
  close(dir);
  return failed == EEXIST && !replace ? 0 : failed;
}

int op_uncover(struct args *args) {
  const char *path = arg_text(args);
  if (mount(NULL, path, NULL, MS_SLAVE | MS_REC, NULL) < 0) return errno == ENOENT ? 0 : errno;
  if (umount2(path, MNT_DETACH) == 0) return 0;
  if (errno != EINVAL && errno != EPERM) return errno;
  return mount("tmpfs", path, "tmpfs", 0, NULL) == 0 ? 0 : errno;
}

int op_pivot_root(struct args *args) {
  (void)args;
  int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old < 0) return errno;
  bool good = fchdir(root_fd) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && fchdir(old) == 0 &&
              /* Nothing that is unmounted here may be unmounted on the host. */
              mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) == 0 &&
              umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
  int failed = good ? 0 : errno;
  close(old);
  return failed;
}

int op_move_root(struct args *args) {
  (void)args;
  int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (top < 0) return errno;
  int failed = attach_mount(root_fd, top, NULL);
  close(top);
  return failed != 0 ? failed : op_change_root(args);
}

int op_change_root(struct args *args) {
  (void)args;
  if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0) return errno;
  return 0;
}

/* The container's /dev/null, after making sure that it is the device and not a file called so. */
static int open_null(void) {
  struct stat found;
  int fd = open_in_root("/dev/null", O_PATH);
  if (fd < 0 || fstat(fd, &found) < 0) return -1;
  if (S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3)) return fd;
  close(fd);
  errno = ENODEV;
  return -1;
}

/* One empty, read-only tmpfs covers every masked folder. */
static int cover_folder(int target) {
  static int empty = -1;
  if (empty >= 0) return bind_over(empty, target);
  empty = new_filesystem("tmpfs", "tmpfs", NULL, MOUNT_ATTR_RDONLY);
  return empty < 0 ? errno : attach_mount(empty, target, NULL);
}

int op_mask(struct args *args) {
  struct stat found;
  int target = open_in_root(arg_text(args), O_PATH);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
  int failed = fstat(target, &found) < 0 ? errno : 0;
  if (failed == 0 && S_ISDIR(found.st_mode)) failed = cover_folder(target);
  else if (failed == 0) {
    int null = open_null();
    if (null < 0) report_detail("/dev/null");
    failed = null < 0 ? errno : bind_over(null, target);
    if (null >= 0) close(null);
  }
  close(target);
  return failed;
}

int op_readonly_path(struct args *args) {
  struct attributes readonly = {.set = MOUNT_ATTR_RDONLY};
  int target = open_in_root(arg_text(args), O_PATH);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
  int tree = kernel_open_tree(target, "",
                              AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  int failed = tree < 0 ? errno : set_attributes(tree, &readonly);
  if (failed == 0) failed = attach_mount(tree, target, NULL);
  if (tree >= 0) close(tree);
  close(target);
  return failed;
}

int op_reopen_null(struct args *args) {
  (void)args;
  for (int stream = 0; stream <= 2; stream++) {
    struct stat found;
    if (fstat(stream, &found) < 0) return errno;
    if (!S_ISCHR(found.st_mode) || found.st_rdev != makedev(1, 3)) continue;
    int null = open_in_root("/dev/null", O_RDWR);
    if (null < 0) return errno;
    bool good =
        fstat(null, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3);
    if (!good) errno = ENODEV;
    int failed = good && dup3(null, stream, 0) >= 0 ? 0 : errno;
    close(null);
    if (failed != 0) return failed;
  }
  return 0;
}
