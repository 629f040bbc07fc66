/// Events with a record of their own in Falco's event table, as `name:codes`: one name may have several codes, for
/// former forms of its record.
let recordedEventsText = """
  syscall:2 open:2 close:2 read:2 write:2 brk:4 execve:16 clone:8 procexit:2 NA:35 socket:2 bind:2 connect:2 listen:2
  accept:8 send:2 sendto:2 recv:2 recvfrom:2 shutdown:2 getsockname:2 getpeername:2 socketpair:2 setsockopt:2
  getsockopt:2 sendmsg:2 sendmmsg:2 recvmsg:2 recvmmsg:2 creat:2 pipe:2 eventfd:2 futex:2 stat:2 lstat:2 fstat:2
  stat64:2 lstat64:2 fstat64:2 epoll_wait:2 poll:2 select:4 lseek:2 llseek:2 ioctl:4 getcwd:2 chdir:2 fchdir:2
  mkdir:4 rmdir:4 openat:4 link:4 linkat:4 unlink:4 unlinkat:4 pread:2 pwrite:2 readv:2 writev:2 preadv:2 pwritev:2
  dup:4 signalfd:2 kill:2 tkill:2 tgkill:2 nanosleep:2 timerfd_create:2 inotify_init:2 getrlimit:2 setrlimit:2
  prlimit:2 switch:2 drop:2 fcntl:2 mmap:2 mmap2:2 munmap:2 splice:2 ptrace:2 rename:2 renameat:2 symlink:2
  symlinkat:2 fork:6 vfork:6 sendfile:2 quotactl:2 setresuid:2 setresgid:2 scapevent:1 close_range:1 setuid:2
  setgid:2 getuid:2 geteuid:2 getgid:2 getegid:2 getresuid:2 getresgid:2 container:3 signaldeliver:1 procinfo:1
  getdents:2 getdents64:2 setns:2 flock:2 cpu_hotplug:1 semop:2 semctl:2 ppoll:2 mount:2 umount:4 k8s:1 semget:2
  access:2 chroot:2 tracer:1 mesos:1 setsid:2 notification:1 unshare:2 infra:1 page_fault:1 setpgid:2 bpf:4 seccomp:2
  mkdirat:2 fchmodat:2 chmod:2 fchmod:2 renameat2:2 userfaultfd:2 pluginevent:1 openat2:2 mprotect:2 execveat:2
  copy_file_range:2 clone3:2 open_by_handle_at:2 io_uring_setup:2 io_uring_enter:2 io_uring_register:2 mlock:2
  munlock:2 mlockall:2 munlockall:2 capset:2 useradded:1 userdeleted:1 groupadded:1 groupdeleted:1 dup2:2 dup3:2
  mlock2:2 fsconfig:2 epoll_create:2 epoll_create1:2 chown:2 lchown:2 fchown:2 fchownat:2 accept4:2 umount2:2 pipe2:2
  inotify_init1:2 eventfd2:2 signalfd4:2 prctl:2 asyncevent:1 memfd_create:2 pidfd_getfd:2 pidfd_open:2 init_module:2
  finit_module:2 mknod:2 mknodat:2 newfstatat:2 process_vm_readv:2 process_vm_writev:2 delete_module:2 setreuid:2
  setregid:2 task:1 task_file_pipe:1 task_file_memfd:1 task_file_regular:1 task_file_directory:1
  task_file_socket_inet:1 task_file_socket_inet6:1 task_file_socket_unix:1 task_file_socket_netlink:1
  task_file_anon_inode:1 keyctl:1
  """

/// System calls that Falco knows by name alone.
let plainSystemCallsText = """
  unknown restart_syscall exit time getpid alarm pause utime sync times acct umask ustat getppid getpgrp sethostname
  getrusage gettimeofday settimeofday readlink uselib swapon reboot truncate ftruncate getpriority setpriority statfs
  fstatfs syslog setitimer getitimer uname vhangup wait4 swapoff sysinfo fsync setdomainname adjtimex getpgid sysfs
  personality msync getsid fdatasync sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_yield
  sched_get_priority_max sched_get_priority_min sched_rr_get_interval mremap rt_sigaction rt_sigprocmask
  rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend capget getgroups setgroups setfsuid setfsgid pivot_root
  mincore madvise gettid setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
  removexattr lremovexattr fremovexattr sched_setaffinity sched_getaffinity set_thread_area get_thread_area io_setup
  io_destroy io_getevents io_submit io_cancel exit_group epoll_ctl remap_file_pages set_tid_address timer_create
  timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep
  utimes mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid add_key request_key
  ioprio_set ioprio_get inotify_add_watch inotify_rm_watch futimesat readlinkat faccessat pselect6 set_robust_list
  get_robust_list tee vmsplice getcpu epoll_pwait utimensat timerfd_settime timerfd_gettime rt_tgsigqueueinfo
  perf_event_open fanotify_init prlimit64 clock_adjtime syncfs msgsnd msgrcv msgget msgctl shmdt shmget shmctl
  statfs64 fstatfs64 fstatat64 sendfile64 ugetrlimit bdflush sigprocmask ipc socketcall fcntl64 _newselect sgetmask
  ssetmask sigpending olduname signal nice stime _llseek waitpid pread64 pwrite64 arch_prctl shmat rt_sigreturn
  fallocate setuid32 getuid32 setgid32 geteuid32 getgid32 setresuid32 setresgid32 getresuid32 getresgid32 sigaltstack
  getrandom fadvise64 getegid32 fspick fsmount fsopen open_tree move_mount mount_setattr memfd_secret ioperm
  kexec_file_load pidfd_send_signal pkey_alloc pkey_mprotect pkey_free landlock_create_ruleset quotactl_fd
  landlock_restrict_self landlock_add_rule epoll_pwait2 migrate_pages move_pages preadv2 pwritev2 kcmp sched_setattr
  mbind epoll_ctl_old lookup_dcookie modify_ldt statx set_mempolicy io_pgetevents set_mempolicy_home_node semtimedop
  get_kernel_syms readahead futex_waitv getpmsg name_to_handle_at process_mrelease nfsservctl epoll_wait_old rseq
  create_module sched_getattr faccessat2 _sysctl query_module get_mempolicy sync_file_range process_madvise
  membarrier iopl fanotify_mark sched_process_exit sched_switch page_fault_user page_fault_kernel signal_deliver
  timerfd s390_pci_mmio_read sigaction s390_pci_mmio_write readdir s390_sthyi sigsuspend idle s390_runtime_instr
  sigreturn s390_guarded_storage cachestat fchmodat2 map_shadow_stack riscv_flush_icache riscv_hwprobe futex_wake
  futex_requeue futex_wait oldstat switch_endian multiplexer oldlstat spu_create sync_file_range2 oldfstat spu_run
  swapcontext pciconfig_write rtas pciconfig_read sys_debug_setcontext vm86 oldolduname subpage_prot pciconfig_iobase
  listmount statmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal uretprobe removexattrat listxattrat
  getxattrat setxattrat open_tree_attr file_getattr file_setattr listns uprobe rseq_slice_yield
  """

/// Arguments of events, as `name:type`, with the format of numbers when it is not decimal.
let eventArgumentsText = """
  name:FSPATH flags:FLAGS32:hex mode:UINT32:oct fd:FD dev:UINT32:hex ino:UINT64 res:ERRNO size:UINT32 data:BYTEBUF
  exe:CHARBUF args:BYTEBUF tid:PID pid:PID ptid:PID cwd:CHARBUF fdlimit:UINT64 uid:UINT32 gid:UINT32
  domain:ENUMFLAGS32 type:UINT32 proto:UINT32 addr:SOCKADDR tuple:SOCKTUPLE backlog:INT32 queuepct:UINT8
  how:ENUMFLAGS8:hex fd1:FD fd2:FD source:UINT64:hex peer:UINT64:hex level:ENUMFLAGS8 optname:ENUMFLAGS8 val:DYNAMIC
  optlen:UINT32 msgcontrol:BYTEBUF creat_flags:FLAGS16:hex initval:UINT64 op:FLAGS16:hex path:FSPATH maxevents:ERRNO
  fds:FDLIST timeout:INT64 offset:UINT64 whence:ENUMFLAGS8 request:UINT64:hex dirfd:FD oldpath:FSPATH newpath:FSPATH
  olddir:FD newdir:FD pos:UINT64 mask:UINT32:hex sig:SIGTYPE interval:RELTIME clockid:UINT8 resource:ENUMFLAGS8
  cur:INT64 max:INT64 newcur:INT64 newmax:INT64 oldcur:INT64 oldmax:INT64 next:PID ratio:UINT32 cmd:ENUMFLAGS8
  arg:UINT64:hex pgft_maj:UINT64 pgft_min:UINT64 vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 length:UINT64
  prot:FLAGS32:hex pgoffset:UINT64 fd_in:FD fd_out:FD argument:UINT64:hex env:BYTEBUF olddirfd:FD newdirfd:FD
  target:CHARBUF linkpath:FSPATH linkdirfd:FD status:ERRNO ret:ERRNO core:UINT8 reaper_tid:PID out_fd:FD in_fd:FD
  id:UINT32 quota_fmt:FLAGS8 special:CHARBUF quotafilepath:CHARBUF dqb_bhardlimit:UINT64 dqb_bsoftlimit:UINT64
  dqb_curspace:UINT64 dqb_ihardlimit:UINT64 dqb_isoftlimit:UINT64 dqb_btime:RELTIME dqb_itime:RELTIME
  dqi_bgrace:RELTIME dqi_igrace:RELTIME dqi_flags:FLAGS8 quota_fmt_out:FLAGS8 ruid:UID euid:UID suid:UID rgid:GID
  egid:GID sgid:GID event_type:UINT32 event_data:UINT64 first:UINT32 last:UINT32 comm:CHARBUF cgroups:BYTEBUF
  vtid:PID vpid:PID pidns_init_start_ts:UINT64 image:CHARBUF spid:PID dpid:PID cpu_usr:UINT64 cpu_sys:UINT64
  nstype:FLAGS32:hex operation:FLAGS32:hex cpu:UINT32 action:UINT32 queuelen:UINT32 queuemax:UINT32 semid:INT32
  nsops:UINT32 sem_num_0:UINT16 sem_op_0:INT16 sem_flg_0:FLAGS16:hex sem_num_1:UINT16 sem_op_1:INT16
  sem_flg_1:FLAGS16:hex semnum:INT32 sigmask:SIGSET dir:FSPATH json:CHARBUF key:INT32:hex nsems:INT32
  semflg:FLAGS32:hex tags:CHARBUFARRAY desc:CHARBUF tty:INT32 description:CHARBUF scope:CHARBUF filename:FSPATH
  ip:UINT64:hex error:FLAGS32:hex vpgid:PID loginuid:UID cap_inheritable:UINT64:hex cap_permitted:UINT64:hex
  cap_effective:UINT64:hex exe_ino:UINT64 exe_ino_ctime:ABSTIME exe_ino_mtime:ABSTIME trusted_exepath:FSPATH pgid:PID
  res_or_fd:DYNAMIC plugin_id:UINT32 resolve:FLAGS32:hex pathname:FSRELPATH fdin:FD offin:UINT64 len:UINT64 fdout:FD
  offout:UINT64 mountfd:FD entries:UINT32 sq_entries:UINT32 cq_entries:UINT32 sq_thread_cpu:UINT32
  sq_thread_idle:UINT32 features:FLAGS32:hex to_submit:UINT32 min_complete:UINT32 opcode:ENUMFLAGS16 nr_args:UINT32
  home:CHARBUF shell:CHARBUF container_id:CHARBUF oldfd:FD newfd:FD value_bytebuf:BYTEBUF value_charbuf:CHARBUF
  aux:INT32 option:ENUMFLAGS32 arg2_str:CHARBUF arg2_int:INT64 pid_fd:FD target_fd:FD img:BYTEBUF uargs:CHARBUF
  ppid:PID32 sid:PID32 argv:CHARBUFARRAY exepath:FSPATH exe_ino_num:UINT64 vtgid:PID32 root:FSPATH start_time:ABSTIME
  ino_num:UINT64 mnt_id:UINT32 sk_type:UINT16 sk_proto:UINT16 local_ip:IPV4ADDR:hex local_port:PORT:hex
  remote_ip:IPV4ADDR:hex remote_port:PORT:hex sk_pointer:UINT64 sun_path:FSPATH fd_type:FLAGS8 arg2:DYNAMIC arg3:DYNAMIC
  arg4:DYNAMIC arg5:DYNAMIC ID:SYSCALLID nativeID:UINT16
  """
