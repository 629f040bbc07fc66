#ifndef LOBSTACK_FSCRYPT_H
#define LOBSTACK_FSCRYPT_H

#include <stdint.h>
#include <sys/types.h>

// The encryption of files by their file system (Documentation/filesystems/fscrypt.rst of the kernel). ENOTTY or
// EOPNOTSUPP: the kernel or the file system has none.

// Bytes of a key, as AES-256-XTS needs them.
#define LOBSTACK_FSCRYPT_KEY_SIZE 64
// Bytes of the name that the kernel gives a key; it tells nothing of the key.
#define LOBSTACK_FSCRYPT_IDENTIFIER_SIZE 16

// ioctl(FS_IOC_ADD_ENCRYPTION_KEY): gives the file system of fd a key (LOBSTACK_FSCRYPT_KEY_SIZE bytes), which it has
// until it is unmounted, and fills in the key's identifier. A key that it has already is no error.
int lobstack_fscrypt_add_key(int fd, const uint8_t *key, uint8_t *identifier);

// ioctl(FS_IOC_GET_ENCRYPTION_KEY_STATUS): 1 when the file system of fd has the key, 0 when it has not.
int lobstack_fscrypt_has_key(int fd, const uint8_t *identifier);

// ioctl(FS_IOC_SET_ENCRYPTION_POLICY): what is made in the empty directory open at fd is encrypted from now on:
// contents by AES-256-XTS; names, padded to 32 bytes, by AES-256-CTS. ENOTEMPTY: there is something in it. EEXIST: it
// has another policy.
int lobstack_fscrypt_set_policy(int fd, const uint8_t *identifier);

// ioctl(FS_IOC_GET_ENCRYPTION_POLICY_EX): the identifier of the key that the directory open at fd is encrypted with.
// ENODATA: it is not encrypted. EINVAL: it is encrypted in another way than lobstack_fscrypt_set_policy does it.
int lobstack_fscrypt_get_policy(int fd, uint8_t *identifier);

// add_key(2), type fscrypt-provisioning: root's user keyring keeps the key, in memory, under a name, until it is forgotten
// or the machine restarts; nobody can read it back. Kernels before 5.6 have no such keys (ENODEV).
int lobstack_fscrypt_keep(const char *name, const uint8_t *key);

// Gives the file system of fd the key that is kept under the name, as lobstack_fscrypt_add_key does. ENOKEY: none is.
int lobstack_fscrypt_add_kept(int fd, const char *name, uint8_t *identifier);

// Takes the key of that name out of the keyring. ENOKEY: none is kept.
int lobstack_fscrypt_forget(const char *name);

#endif
