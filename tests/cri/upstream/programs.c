// Programs of the images that critest wants, chosen by the name they are called by. Static: the
// images have no libraries.
//   nnp             is set-user-ID, and tells whether that worked
//   sh              looks for `ls` in PATH before busybox's shell runs the applet of that name
//   nginx, httpd    a web server on the port that its first argument names, with the other's traits
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfine\n"
#define NO_EXEC 126

static void run_word(char **argv) {
  if (strpbrk(argv[2], " \t\n;|&<>()$`\\\"'*?[#~=%/") != NULL) return;
  char *word[] = {argv[2], NULL};
  execvp(argv[2], word);
  if (errno != EACCES) return;
  fprintf(stderr, "%s: %s: Permission denied\n", argv[0], argv[2]);
  exit(NO_EXEC);
}

static int run_shell(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "-c") == 0 && strncmp(argv[2], "ls", 2) == 0) run_word(argv);
  execv("/bin/busybox", argv);
  perror("/bin/busybox");
  return NO_EXEC;
}

static int serve(int port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 16)) {
    perror("listen");
    return 1;
  }
  for (;;) {
    char request[4096];
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    if (read(client, request, sizeof request) > 0) {
      if (write(client, ANSWER, sizeof ANSWER - 1) < 0) perror("write");
    }
    close(client);
  }
}

static void end(int signal) {
  (void)signal;
  _exit(0);
}

int main(int argc, char **argv) {
  const char *slash = strrchr(argv[0], '/');
  const char *name = slash ? slash + 1 : argv[0];
  if (strcmp(name, "sh") == 0 || strcmp(name, "-sh") == 0) return run_shell(argc, argv);
  if (strcmp(name, "nnp") == 0) {
    printf("Effective uid: %d\n", (int)geteuid());
    return 0;
  }
  // As the first process of a pid namespace it has no default actions.
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGPIPE, SIG_IGN);
  if (argc < 2) return 2;
  printf("%s -D FOREGROUND\n", name);
  fflush(stdout);
  FILE *pid = fopen("/var/run/nginx.pid", "w");
  if (pid) {
    fprintf(pid, "%d\n", (int)getpid());
    fclose(pid);
  }
  int port = atoi(argv[1]);
  // Its name and the words after it are what /proc/PID/cmdline shows: the image's entry point says
  // "nginx: master process" there by itself.
  return serve(port);
}
