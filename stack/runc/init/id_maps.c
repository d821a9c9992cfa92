/* Id maps of a new user namespace: written by us, or by the host's setuid programs for it. */
#include "init.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A map has at most 340 lines of three numbers. */
#define MAX_WORDS (3 * 340 + 3)
#define MAP_BYTES 16384

/* newuidmap PID and the map's numbers, each an argument of its own. */
static int fill_arguments(char *words[MAX_WORDS], char text[MAP_BYTES], const char *map) {
  size_t length = strlen(map);
  if (length >= MAP_BYTES) return E2BIG;
  memcpy(text, map, length + 1);
  int count = 2;
  for (char *at = text; *at != 0;) {
    at += strspn(at, " \n");
    if (*at == 0) break;
    if (count >= MAX_WORDS - 1) return E2BIG;
    words[count++] = at;
    at += strcspn(at, " \n");
    if (*at != 0) *at++ = 0;
  }
  words[count] = NULL;
  return 0;
}

static int map_by(const char *tool, const char *map) {
  static char *words[MAX_WORDS];
  static char text[MAP_BYTES];
  char number[24], *environment[] = {NULL};
  number[text_number(number, (uint64_t)target_pid)] = 0;
  words[0] = (char *)tool;
  words[1] = number;
  int failed = fill_arguments(words, text, map);
  if (failed != 0) return failed;
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return errno;
  if (pid == 0) {
    execve(tool, words, environment);
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return errno;
  if (status == 0) return 0;
  report_detail(tool);
  report_u32(REPORT_AT_HOOK_STATUS, (uint32_t)status);
  return EPERM;
}

int op_id_maps(struct args *args) {
  const char *uids = arg_text(args), *gids = arg_text(args);
  uint32_t deny = arg_u32(args);
  const char *uid_tool = arg_text(args), *gid_tool = arg_text(args);
  if (args->bad) return EBADMSG;
  int failed = deny ? write_process_file("setgroups", "deny") : 0;
  if (failed == 0)
    failed = gid_tool[0] != 0 ? map_by(gid_tool, gids) : write_process_file("gid_map", gids);
  if (failed == 0)
    failed = uid_tool[0] != 0 ? map_by(uid_tool, uids) : write_process_file("uid_map", uids);
  return failed;
}
