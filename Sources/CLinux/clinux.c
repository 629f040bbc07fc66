#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

int lobstack_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int lobstack_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

int lobstack_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int lobstack_has_no_new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }

int lobstack_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int lobstack_reap(pid_t pid, int *code, int *status) {
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) != 0) return -1;
  if (info.si_pid == 0) return 0;
  *code = info.si_code;
  *status = info.si_status;
  return 1;
}

int lobstack_become_user(uid_t uid, gid_t gid) {
  if (setgroups(0, NULL) != 0) return -1;
  if (setresgid(gid, gid, gid) != 0) return -1;
  if (setresuid(uid, uid, uid) != 0) return -1;
  if (uid != 0 && setuid(0) == 0) {
    errno = EPERM;
    return -1;
  }
  return 0;
}

int lobstack_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct ucred credentials;
  socklen_t length = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
  *pid = credentials.pid;
  *uid = credentials.uid;
  *gid = credentials.gid;
  return 0;
}

int lobstack_punch_hole(int fd, off_t offset, off_t length) {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int lobstack_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int lobstack_enter_network_namespace(int fd) { return setns(fd, CLONE_NEWNET); }

int lobstack_interface_up(const char *name) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  if (strlen(name) >= sizeof(request.ifr_name)) {
    errno = ENODEV;
    return -1;
  }
  strcpy(request.ifr_name, name);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result = ioctl(fd, SIOCGIFFLAGS, &request);
  if (result == 0) {
    request.ifr_flags |= IFF_UP;
    result = ioctl(fd, SIOCSIFFLAGS, &request);
  }
  int reason = errno;
  close(fd);
  errno = reason;
  return result;
}

// One NFULNL_MSG_CONFIG request with one attribute; waits for the kernel's acknowledgement.
static int nflog_configure(int fd, uint16_t group, uint16_t attribute, const void *value, uint16_t length) {
  struct {
    struct nlmsghdr header;
    struct nfgenmsg family;
    struct nlattr attribute;
    uint8_t value[8];
  } request;
  if (length > sizeof(request.value)) {
    errno = EINVAL;
    return -1;
  }
  memset(&request, 0, sizeof(request));
  request.header.nlmsg_len = offsetof(__typeof__(request), value) + NLA_ALIGN(length);
  request.header.nlmsg_type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.family.nfgen_family = AF_UNSPEC;
  request.family.version = NFNETLINK_V0;
  request.family.res_id = htons(group);
  request.attribute.nla_type = attribute;
  request.attribute.nla_len = NLA_HDRLEN + length;
  memcpy(request.value, value, length);
  if (send(fd, &request, request.header.nlmsg_len, 0) < 0) return -1;
  // Packets of the group may come before the acknowledgement; they are skipped.
  for (int i = 0; i < 64; i++) {
    _Alignas(struct nlmsghdr) uint8_t buffer[65536];
    ssize_t count = lobstack_netlink_receive(fd, buffer, sizeof(buffer));
    if (count < 0) return -1;
    const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
    if ((size_t)count < sizeof(*header) || header->nlmsg_type != NLMSG_ERROR) continue;
    if ((size_t)count < sizeof(*header) + sizeof(struct nlmsgerr)) break;
    int error = ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
    if (error == 0) return 0;
    errno = -error;
    return -1;
  }
  errno = EPROTO;
  return -1;
}

// The descriptor, or -1 with errno as the failure left it, and then it is closed.
static int open_or_close(int fd, int is_open) {
  if (is_open) return fd;
  int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}

// A bound socket of nfnetlink whose reading gives up after the wait.
static int netfilter_open(int wait_milliseconds) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return -1;
  struct sockaddr_nl address;
  memset(&address, 0, sizeof(address));
  address.nl_family = AF_NETLINK;
  struct timeval wait = {wait_milliseconds / 1000, (wait_milliseconds % 1000) * 1000};
  int is_open = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0;
  return open_or_close(fd, is_open);
}

int lobstack_nflog_open(uint16_t group, uint32_t copy, int receive_buffer, int wait_milliseconds) {
  int fd = netfilter_open(wait_milliseconds);
  if (fd < 0) return -1;
  struct nfulnl_msg_config_cmd bind_group = {NFULNL_CFG_CMD_BIND};
  struct nfulnl_msg_config_mode mode = {htonl(copy), NFULNL_COPY_PACKET, 0};
  uint16_t flags = htons(NFULNL_CFG_F_SEQ);
  uint32_t flush = htonl(10);  // hundredths of a second that the kernel may gather packets into one message
  int is_open = (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof(receive_buffer)) == 0 ||
                 setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer)) == 0) &&
                nflog_configure(fd, group, NFULA_CFG_CMD, &bind_group, sizeof(bind_group)) == 0 &&
                nflog_configure(fd, group, NFULA_CFG_MODE, &mode, sizeof(mode)) == 0 &&
                nflog_configure(fd, group, NFULA_CFG_FLAGS, &flags, sizeof(flags)) == 0 &&
                nflog_configure(fd, group, NFULA_CFG_TIMEOUT, &flush, sizeof(flush)) == 0;
  return open_or_close(fd, is_open);
}

int lobstack_nftables_open(int wait_milliseconds) {
  int fd = netfilter_open(wait_milliseconds);
  if (fd < 0) return -1;
  int group = NFNLGRP_NFTABLES;
  return open_or_close(fd, setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0);
}

ssize_t lobstack_netlink_receive(int fd, void *buffer, size_t size) {
  struct sockaddr_nl sender;
  memset(&sender, 0, sizeof(sender));
  socklen_t length = sizeof(sender);
  ssize_t count = recvfrom(fd, buffer, size, 0, (struct sockaddr *)&sender, &length);
  if (count >= 0 && sender.nl_pid != 0) {
    errno = EPROTO;
    return -1;
  }
  return count;
}

#if defined(__x86_64__)
#define LOBSTACK_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define LOBSTACK_AUDIT_ARCH AUDIT_ARCH_AARCH64
#endif

int lobstack_forbid_programs(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOBSTACK_AUDIT_ARCH, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      // x32 calls carry a bit of their own on x86-64; elsewhere no number is that high.
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (result > 0) errno = EBUSY;  // the id of a thread that could not be brought along
  return result == 0 ? 0 : -1;
}

int lobstack_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int64_t lobstack_clock(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) return 0;
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
