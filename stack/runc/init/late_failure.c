/* A failure after the hand-over: nobody reads the report any more, the container's stderr is all.
 */
#include "init.h"

#include <signal.h>
#include <sys/wait.h>

/* A description in the spelling of Go programs, which parents match: it begins in lower case. */
static const char *lowered(const char *text, char out[64]) {
  size_t length = strnlen(text, 63);
  memcpy(out, text, length);
  out[length] = 0;
  if (out[0] >= 'A' && out[0] <= 'Z' && !(out[1] >= 'A' && out[1] <= 'Z')) out[0] += 'a' - 'A';
  return out;
}

/* "signal: bad system call", "exit status 3", or the words of an errno. */
static void reason(bool hook, int failed, char out[96]) {
  char words[64], number[24];
  uint32_t status;
  memcpy(&status, report + REPORT_AT_HOOK_STATUS, sizeof status);
  const char *parts[2] = {"", words};
  if (hook && failed == ECHILD && WIFSIGNALED(status)) {
    const char *name = strsignal(WTERMSIG(status));
    parts[0] = "signal: ";
    lowered(name ? name : "unknown", words);
  } else if (hook && failed == ECHILD) {
    parts[0] = "exit status ";
    number[text_number(number, WEXITSTATUS(status))] = 0;
    parts[1] = number;
  } else {
    const char *name = strerror(failed);
    lowered(name ? name : "unknown", words);
  }
  if (!text_join(out, 96, parts, 2)) out[0] = 0;
}

void tell_late_failure(bool hook, int failed) {
  char why[96], line[PATH_MAX + 160];
  reason(hook, failed, why);
  const char *of_hook[] = {"error running hook: ", why, "\n"};
  const char *of_program[] = {"exec ", program_path, ": ", why, "\n"};
  bool fits =
      hook ? text_join(line, sizeof line, of_hook, 3) : text_join(line, sizeof line, of_program, 5);
  if (!fits) return;
  ssize_t told = write(STDERR_FILENO, line, strlen(line));
  (void)told;
}
