/* Descriptors that become readable, watched by one thread for any number of waiters. */
#include "addon.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#define STACK_BYTES (64 * 1024)

static napi_threadsafe_function deliver;
static int epoll_fd = -1;

static void deliver_token(napi_env env, napi_value callback, void *context, void *data) {
  (void)context;
  if (env == NULL) return;
  napi_value token = addon_number(env, (int64_t)(uintptr_t)data), self = addon_undefined(env);
  napi_call_function(env, self, callback, 1, &token, NULL);
}

static void *watch_main(void *unused) {
  (void)unused;
  struct epoll_event events[32];
  prctl(PR_SET_NAME, "catena-watch");
  for (;;) {
    int count = epoll_wait(epoll_fd, events, 32, -1);
    if (count < 0 && errno != EINTR) return NULL;
    for (int i = 0; i < count; i++)
      napi_call_threadsafe_function(deliver, (void *)(uintptr_t)events[i].data.u64,
                                    napi_tsfn_nonblocking);
  }
}

/* startWatching(callback): once; callback gets the token of each descriptor that became ready */
static napi_value call_start_watching(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], name;
  addon_args(env, info, args);
  if (epoll_fd >= 0) return addon_undefined(env);
  napi_create_string_utf8(env, "catena-watch", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, args[0], NULL, name, 0, 1, NULL, NULL, NULL, deliver_token,
                                  &deliver);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return addon_throw_errno(env, errno, "epoll_create1", NULL);
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int number = pthread_create(&thread, &attributes, watch_main, NULL);
  pthread_attr_destroy(&attributes);
  return number == 0 ? addon_undefined(env)
                     : addon_throw_errno(env, number, "pthread_create", NULL);
}

/* watchReadable(fd, token): one event; holdLoop(bool): whether pending events keep the loop alive
 */
static napi_value call_watch_readable(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
                              .data.u64 = (uint64_t)addon_int(env, args[1], 0)};
  int fd = (int)addon_int(env, args[0], -1);
  int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  if (result < 0 && errno == EEXIST) result = epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
  return result == 0 ? addon_undefined(env) : addon_throw_errno(env, errno, "epoll_ctl", NULL);
}

/* unwatch(fd) */
static napi_value call_unwatch(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  epoll_ctl(epoll_fd, EPOLL_CTL_DEL, (int)addon_int(env, args[0], -1), NULL);
  return addon_undefined(env);
}

static napi_value call_hold_loop(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  bool hold = false;
  napi_get_value_bool(env, args[0], &hold);
  if (hold) napi_ref_threadsafe_function(env, deliver);
  else napi_unref_threadsafe_function(env, deliver);
  return addon_undefined(env);
}

const struct addon_function watch_functions[] = {
    {"startWatching", call_start_watching},
    {"watchReadable", call_watch_readable},
    {"unwatch", call_unwatch},
    {"holdLoop", call_hold_loop},
    {NULL, NULL},
};
