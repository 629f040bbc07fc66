#ifndef LOBSTACK_CLINUX_H
#define LOBSTACK_CLINUX_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "fscrypt.h"
#include "packet.h"

// Each function returns what the system call returns: -1 with errno set on failure.

// prctl(PR_SET_CHILD_SUBREAPER): orphans below this process become its children.
int lobstack_become_subreaper(void);

// prctl(PR_SET_PDEATHSIG): the kernel sends this process the signal when its parent dies.
int lobstack_set_parent_death_signal(int signal);

// prctl(PR_SET_NO_NEW_PRIVS).
int lobstack_no_new_privileges(void);

// prctl(PR_GET_NO_NEW_PRIVS): 1 when it is set.
int lobstack_has_no_new_privileges(void);

// pidfd_open(2): a descriptor that becomes readable when the process ends.
int lobstack_pidfd_open(pid_t pid);

// waitid(P_PID, pid, WEXITED | WNOHANG): 1 and the raw si_code and si_status when reaped, 0 when still running.
int lobstack_reap(pid_t pid, int *code, int *status);

// setgroups(0), setresgid, setresuid: drops root for good. Fails unless every id changed.
int lobstack_become_user(uid_t uid, gid_t gid);

// getsockopt(SO_PEERCRED) of a connected Unix socket.
int lobstack_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid);

// fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE): gives a range of a file back to the disk.
int lobstack_punch_hole(int fd, off_t offset, off_t length);

// eventfd(2), non-blocking and close-on-exec: a counter that wakes a poll.
int lobstack_eventfd(void);

// setns(2) of the calling thread into the network namespace open at fd.
int lobstack_enter_network_namespace(int fd);

// ioctl(SIOCSIFFLAGS): takes a network interface up.
int lobstack_interface_up(const char *name);

// A netlink socket that is bound to an NFLOG group and gets up to `copy` bytes of each packet, with sequence numbers
// (linux/netfilter/nfnetlink_log.h). Reading gives up with EAGAIN after the wait.
int lobstack_nflog_open(uint16_t group, uint32_t copy, int receive_buffer, int wait_milliseconds);

// A netlink socket that is told of every change of nftables in this network namespace (NFNLGRP_NFTABLES). Reading gives
// up with EAGAIN after the wait.
int lobstack_nftables_open(int wait_milliseconds);

// recvfrom(2) of a netlink socket: EPROTO for a message that the kernel did not send.
ssize_t lobstack_netlink_receive(int fd, void *buffer, size_t size);

// seccomp(2) filter, for all threads of the process: execve and execveat fail with EPERM, as does every call of another
// ABI. Brings PR_SET_NO_NEW_PRIVS, which the calling thread must have set, to the other threads.
int lobstack_forbid_programs(void);

// clock_gettime(2), in nanoseconds.
int64_t lobstack_clock(clockid_t clock);

// pipe2(O_CLOEXEC): no program that another thread starts meanwhile holds an end of it.
int lobstack_pipe(int ends[2]);

#endif
