#define _GNU_SOURCE
#include "fscrypt.h"

#include <errno.h>
#include <linux/fscrypt.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(LOBSTACK_FSCRYPT_KEY_SIZE == FSCRYPT_MAX_KEY_SIZE, "the size of a key");
_Static_assert(LOBSTACK_FSCRYPT_IDENTIFIER_SIZE == FSCRYPT_KEY_IDENTIFIER_SIZE, "the size of an identifier");

int lobstack_fscrypt_add_key(int fd, const uint8_t *key, uint8_t *identifier) {
  union {
    struct fscrypt_add_key_arg argument;
    uint8_t space[sizeof(struct fscrypt_add_key_arg) + LOBSTACK_FSCRYPT_KEY_SIZE];
  } request;
  memset(&request, 0, sizeof(request));
  request.argument.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  request.argument.raw_size = LOBSTACK_FSCRYPT_KEY_SIZE;
  memcpy(request.argument.raw, key, LOBSTACK_FSCRYPT_KEY_SIZE);
  int result = ioctl(fd, FS_IOC_ADD_ENCRYPTION_KEY, &request.argument);
  int reason = errno;
  if (result == 0) {
    memcpy(identifier, request.argument.key_spec.u.identifier, LOBSTACK_FSCRYPT_IDENTIFIER_SIZE);
  }
  // No copy of the key stays on the stack.
  explicit_bzero(&request, sizeof(request));
  errno = reason;
  return result;
}

int lobstack_fscrypt_has_key(int fd, const uint8_t *identifier) {
  struct fscrypt_get_key_status_arg argument;
  memset(&argument, 0, sizeof(argument));
  argument.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  memcpy(argument.key_spec.u.identifier, identifier, LOBSTACK_FSCRYPT_IDENTIFIER_SIZE);
  if (ioctl(fd, FS_IOC_GET_ENCRYPTION_KEY_STATUS, &argument) != 0) return -1;
  return argument.status == FSCRYPT_KEY_STATUS_PRESENT;
}

int lobstack_fscrypt_set_policy(int fd, const uint8_t *identifier) {
  struct fscrypt_policy_v2 policy;
  memset(&policy, 0, sizeof(policy));
  policy.version = FSCRYPT_POLICY_V2;
  policy.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS;
  policy.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS;
  policy.flags = FSCRYPT_POLICY_FLAGS_PAD_32;
  memcpy(policy.master_key_identifier, identifier, LOBSTACK_FSCRYPT_IDENTIFIER_SIZE);
  return ioctl(fd, FS_IOC_SET_ENCRYPTION_POLICY, &policy);
}

int lobstack_fscrypt_get_policy(int fd, uint8_t *identifier) {
  struct fscrypt_get_policy_ex_arg argument;
  memset(&argument, 0, sizeof(argument));
  argument.policy_size = sizeof(argument.policy);
  if (ioctl(fd, FS_IOC_GET_ENCRYPTION_POLICY_EX, &argument) != 0) return -1;
  const struct fscrypt_policy_v2 *policy = &argument.policy.v2;
  if (argument.policy.version != FSCRYPT_POLICY_V2 || policy->contents_encryption_mode != FSCRYPT_MODE_AES_256_XTS ||
      policy->filenames_encryption_mode != FSCRYPT_MODE_AES_256_CTS || policy->flags != FSCRYPT_POLICY_FLAGS_PAD_32) {
    errno = EINVAL;
    return -1;
  }
  memcpy(identifier, policy->master_key_identifier, LOBSTACK_FSCRYPT_IDENTIFIER_SIZE);
  return 0;
}

static const char provisioning[] = "fscrypt-provisioning";

int lobstack_fscrypt_keep(const char *name, const uint8_t *key) {
  union {
    struct fscrypt_provisioning_key_payload payload;
    uint8_t space[sizeof(struct fscrypt_provisioning_key_payload) + LOBSTACK_FSCRYPT_KEY_SIZE];
  } request;
  memset(&request, 0, sizeof(request));
  request.payload.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  memcpy(request.payload.raw, key, LOBSTACK_FSCRYPT_KEY_SIZE);
  long serial = syscall(
      SYS_add_key, provisioning, name, &request, sizeof(struct fscrypt_provisioning_key_payload) + LOBSTACK_FSCRYPT_KEY_SIZE,
      KEY_SPEC_USER_KEYRING);
  int reason = errno;
  explicit_bzero(&request, sizeof(request));
  errno = reason;
  if (serial < 0) return -1;
  // A session whose keyring does not lead to the user's has it by its user, who is root: to view, search, link, take away.
  return syscall(SYS_keyctl, KEYCTL_SETPERM, serial, 0x3f390000) == 0 ? 0 : -1;
}

static long kept(const char *name) {
  return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, provisioning, name, 0);
}

int lobstack_fscrypt_add_kept(int fd, const char *name, uint8_t *identifier) {
  long serial = kept(name);
  if (serial < 0) return -1;
  struct fscrypt_add_key_arg argument;
  memset(&argument, 0, sizeof(argument));
  argument.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  argument.key_id = serial;
  if (ioctl(fd, FS_IOC_ADD_ENCRYPTION_KEY, &argument) != 0) return -1;
  memcpy(identifier, argument.key_spec.u.identifier, LOBSTACK_FSCRYPT_IDENTIFIER_SIZE);
  return 0;
}

int lobstack_fscrypt_forget(const char *name) {
  long serial = kept(name);
  if (serial < 0) return -1;
  return syscall(SYS_keyctl, KEYCTL_UNLINK, serial, KEY_SPEC_USER_KEYRING) == 0 ? 0 : -1;
}
