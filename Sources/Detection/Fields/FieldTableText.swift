/// The fields of Falco engine 0.63 (`falco --list`), those of its container plugin, and Lobstack's own `agent.*`: class,
/// name, type, and what may be done with the field.
///
/// Types are Falco's own names (libs, ppm_param_type), since its messages name them.
let fieldTableText = """
  generic evt.num UINT64
  generic evt.time CHARBUF
  generic evt.time.s CHARBUF
  generic evt.time.iso8601 CHARBUF
  generic evt.datetime CHARBUF
  generic evt.datetime.s CHARBUF
  generic evt.rawtime ABSTIME
  generic evt.rawtime.s ABSTIME
  generic evt.rawtime.ns ABSTIME padded
  generic evt.reltime RELTIME padded
  generic evt.reltime.s RELTIME
  generic evt.reltime.ns RELTIME padded
  generic evt.pluginname CHARBUF
  generic evt.plugininfo CHARBUF
  generic evt.source CHARBUF
  generic evt.is_async BOOL
  generic evt.asynctype CHARBUF
  generic evt.hostname CHARBUF
  evt evt.latency RELTIME deprecated
  evt evt.latency.s RELTIME deprecated
  evt evt.latency.ns RELTIME deprecated padded
  evt evt.latency.quantized UINT64 hidden deprecated
  evt evt.latency.human CHARBUF deprecated
  evt evt.deltatime RELTIME
  evt evt.deltatime.s RELTIME
  evt evt.deltatime.ns RELTIME padded
  evt evt.outputtime CHARBUF hidden
  evt evt.dir CHARBUF deprecated
  evt evt.type CHARBUF
  evt evt.type.is UINT32 arg
  evt syscall.type CHARBUF
  evt evt.category CHARBUF
  evt evt.cpu INT16
  evt evt.args CHARBUF
  evt evt.arg CHARBUF arg
  evt evt.rawarg DYN arg no-rhs no-transformer
  evt evt.info CHARBUF
  evt evt.buffer BYTEBUF
  evt evt.buflen UINT64
  evt evt.res CHARBUF
  evt evt.rawres INT64
  evt evt.failed BOOL
  evt evt.is_io BOOL
  evt evt.is_io_read BOOL
  evt evt.is_io_write BOOL
  evt evt.io_dir CHARBUF
  evt evt.is_wait BOOL
  evt evt.wait_latency RELTIME deprecated
  evt evt.is_syslog BOOL
  evt evt.count UINT32
  evt evt.count.error UINT32
  evt evt.count.error.file UINT32
  evt evt.count.error.net UINT32
  evt evt.count.error.memory UINT32
  evt evt.count.error.other UINT32
  evt evt.count.exit UINT32
  evt evt.count.procinfo UINT32 hidden
  evt evt.count.threadinfo UINT32 hidden
  evt evt.around UINT64 arg no-rhs no-transformer filter-only
  evt evt.abspath CHARBUF arg
  evt evt.buflen.in UINT64 hidden
  evt evt.buflen.out UINT64 hidden
  evt evt.buflen.file UINT64 hidden
  evt evt.buflen.file.in UINT64 hidden
  evt evt.buflen.file.out UINT64 hidden
  evt evt.buflen.net UINT64 hidden
  evt evt.buflen.net.in UINT64 hidden
  evt evt.buflen.net.out UINT64 hidden
  evt evt.is_open_read BOOL
  evt evt.is_open_write BOOL
  evt evt.infra.docker.name CHARBUF hidden
  evt evt.infra.docker.container.id CHARBUF hidden
  evt evt.infra.docker.container.name CHARBUF hidden
  evt evt.infra.docker.container.image CHARBUF hidden
  evt evt.is_open_exec BOOL
  evt evt.is_open_create BOOL
  thread proc.exe CHARBUF
  thread proc.pexe CHARBUF
  thread proc.aexe CHARBUF arg? no-rhs no-transformer
  thread proc.exepath CHARBUF
  thread proc.pexepath CHARBUF
  thread proc.aexepath CHARBUF arg? no-rhs no-transformer
  thread proc.name CHARBUF
  thread proc.pname CHARBUF
  thread proc.aname CHARBUF arg? no-rhs no-transformer
  thread proc.args CHARBUF arg?
  thread proc.aargs CHARBUF arg?
  thread proc.cmdline CHARBUF
  thread proc.pcmdline CHARBUF
  thread proc.acmdline CHARBUF arg? no-rhs no-transformer
  thread proc.cmdnargs UINT64
  thread proc.cmdlenargs UINT64
  thread proc.exeline CHARBUF
  thread proc.env CHARBUF arg?
  thread proc.aenv CHARBUF arg? no-rhs no-transformer
  thread proc.cwd CHARBUF
  thread proc.loginshellid INT64
  thread proc.tty UINT32
  thread proc.pid INT64
  thread proc.ppid INT64
  thread proc.apid INT64 arg? no-rhs no-transformer
  thread proc.vpid INT64
  thread proc.pvpid INT64
  thread proc.sid INT64
  thread proc.sname CHARBUF
  thread proc.sid.exe CHARBUF
  thread proc.sid.exepath CHARBUF
  thread proc.vpgid INT64
  thread proc.vpgid.name CHARBUF
  thread proc.vpgid.exe CHARBUF
  thread proc.vpgid.exepath CHARBUF
  thread proc.pgid INT64
  thread proc.pgid.name CHARBUF
  thread proc.pgid.exe CHARBUF
  thread proc.pgid.exepath CHARBUF
  thread proc.duration RELTIME
  thread proc.ppid.duration RELTIME
  thread proc.pid.ts RELTIME
  thread proc.ppid.ts RELTIME
  thread proc.is_exe_writable BOOL
  thread proc.is_exe_upper_layer BOOL
  thread proc.is_exe_lower_layer BOOL
  thread proc.is_exe_from_memfd BOOL
  thread proc.is_sid_leader BOOL
  thread proc.is_vpgid_leader BOOL
  thread proc.is_pgid_leader BOOL
  thread proc.exe_ino INT64
  thread proc.exe_ino.ctime ABSTIME
  thread proc.exe_ino.mtime ABSTIME
  thread proc.exe_ino.ctime_duration_proc_start ABSTIME
  thread proc.exe_ino.ctime_duration_pidns_start ABSTIME
  thread proc.pidns_init_start_ts UINT64
  thread thread.cap_permitted CHARBUF
  thread thread.cap_inheritable CHARBUF
  thread thread.cap_effective CHARBUF
  thread proc.fdopencount UINT64
  thread proc.fdlimit INT64
  thread proc.fdusage DOUBLE
  thread proc.vmsize UINT64
  thread proc.vmrss UINT64
  thread proc.vmswap UINT64
  thread thread.pfmajor UINT64
  thread thread.pfminor UINT64
  thread thread.tid INT64
  thread thread.ismain BOOL
  thread thread.vtid INT64
  thread thread.nametid CHARBUF hidden
  thread thread.exectime RELTIME
  thread thread.totexectime RELTIME
  thread thread.cgroups CHARBUF
  thread thread.cgroup CHARBUF arg
  thread proc.nthreads UINT64
  thread proc.nchilds UINT64
  thread thread.cpu DOUBLE
  thread thread.cpu.user DOUBLE
  thread thread.cpu.system DOUBLE
  thread thread.vmsize UINT64
  thread thread.vmrss UINT64
  thread thread.vmsize.b UINT64 hidden
  thread thread.vmrss.b UINT64 hidden
  thread proc.stdin.type CHARBUF
  thread proc.stdout.type CHARBUF
  thread proc.stderr.type CHARBUF
  thread proc.stdin.name CHARBUF
  thread proc.stdout.name CHARBUF
  thread proc.stderr.name CHARBUF
  user user.uid UINT32
  user user.name CHARBUF
  user user.homedir CHARBUF
  user user.shell CHARBUF
  user user.loginuid INT64
  user user.loginname CHARBUF
  group group.gid UINT32
  group group.name CHARBUF
  fd fd.num INT64
  fd fd.type CHARBUF
  fd fd.typechar CHARBUF
  fd fd.name CHARBUF
  fd fd.directory CHARBUF
  fd fd.filename CHARBUF
  fd fd.ip IPADDR no-rhs no-transformer filter-only
  fd fd.cip IPADDR
  fd fd.sip IPADDR
  fd fd.lip IPADDR
  fd fd.rip IPADDR
  fd fd.port PORT no-rhs no-transformer filter-only
  fd fd.cport PORT
  fd fd.sport PORT
  fd fd.lport PORT
  fd fd.rport PORT
  fd fd.l4proto CHARBUF
  fd fd.sockfamily CHARBUF
  fd fd.is_server BOOL
  fd fd.uid CHARBUF
  fd fd.containername CHARBUF
  fd fd.containerdirectory CHARBUF
  fd fd.proto PORT no-rhs no-transformer filter-only
  fd fd.cproto CHARBUF
  fd fd.sproto CHARBUF
  fd fd.lproto CHARBUF
  fd fd.rproto CHARBUF
  fd fd.net IPNET no-rhs no-transformer filter-only
  fd fd.cnet IPNET no-rhs no-transformer filter-only
  fd fd.snet IPNET no-rhs no-transformer filter-only
  fd fd.lnet IPNET no-rhs no-transformer filter-only
  fd fd.rnet IPNET no-rhs no-transformer filter-only
  fd fd.connected BOOL
  fd fd.name_changed BOOL
  fd fd.cip.name CHARBUF no-rhs no-transformer
  fd fd.sip.name CHARBUF no-rhs no-transformer
  fd fd.lip.name CHARBUF no-rhs no-transformer
  fd fd.rip.name CHARBUF no-rhs no-transformer
  fd fd.dev INT32 hex
  fd fd.dev.major INT32
  fd fd.dev.minor INT32
  fd fd.ino INT64
  fd fd.nameraw CHARBUF
  fd fd.types CHARBUF arg? list no-rhs
  fd fd.is_upper_layer BOOL
  fd fd.is_lower_layer BOOL
  fspath fs.path.name CHARBUF
  fspath fs.path.nameraw CHARBUF
  fspath fs.path.source CHARBUF
  fspath fs.path.sourceraw CHARBUF
  fspath fs.path.target CHARBUF
  fspath fs.path.targetraw CHARBUF
  utils util.cnt UINT64
  fdlist fdlist.nums CHARBUF
  fdlist fdlist.names CHARBUF
  fdlist fdlist.cips CHARBUF
  fdlist fdlist.sips CHARBUF
  fdlist fdlist.cports CHARBUF
  fdlist fdlist.sports CHARBUF
  container container.id CHARBUF
  container container.full_id CHARBUF
  container container.name CHARBUF
  container container.image CHARBUF
  container container.image.id CHARBUF
  container container.type CHARBUF
  container container.privileged BOOL
  container container.mounts CHARBUF
  container container.mount CHARBUF arg
  container container.mount.source CHARBUF arg
  container container.mount.dest CHARBUF arg
  container container.mount.mode CHARBUF arg
  container container.mount.rdwr CHARBUF arg
  container container.mount.propagation CHARBUF arg
  container container.image.repository CHARBUF
  container container.image.tag CHARBUF
  container container.image.digest CHARBUF
  container container.healthcheck CHARBUF
  container container.liveness_probe CHARBUF
  container container.readiness_probe CHARBUF
  container container.start_ts ABSTIME
  container container.duration RELTIME
  container container.ip CHARBUF
  container container.cni.json CHARBUF
  container container.host_pid BOOL
  container container.host_network BOOL
  container container.host_ipc BOOL
  container container.label CHARBUF arg
  container container.labels CHARBUF
  container proc.is_container_healthcheck BOOL
  container proc.is_container_liveness_probe BOOL
  container proc.is_container_readiness_probe BOOL
  container k8s.pod.name CHARBUF
  container k8s.ns.name CHARBUF
  container k8s.pod.id CHARBUF
  container k8s.pod.uid CHARBUF
  container k8s.pod.sandbox_id CHARBUF
  container k8s.pod.full_sandbox_id CHARBUF
  container k8s.pod.label CHARBUF arg
  container k8s.pod.labels CHARBUF
  container k8s.pod.ip CHARBUF
  container k8s.pod.cni.json CHARBUF
  container k8s.rc.name CHARBUF deprecated
  container k8s.rc.id CHARBUF deprecated
  container k8s.rc.label CHARBUF arg deprecated
  container k8s.rc.labels CHARBUF deprecated
  container k8s.svc.name CHARBUF deprecated
  container k8s.svc.id CHARBUF deprecated
  container k8s.svc.label CHARBUF arg deprecated
  container k8s.svc.labels CHARBUF deprecated
  container k8s.ns.id CHARBUF deprecated
  container k8s.ns.label CHARBUF arg deprecated
  container k8s.ns.labels CHARBUF deprecated
  container k8s.rs.name CHARBUF deprecated
  container k8s.rs.id CHARBUF deprecated
  container k8s.rs.label CHARBUF arg deprecated
  container k8s.rs.labels CHARBUF deprecated
  container k8s.deployment.name CHARBUF deprecated
  container k8s.deployment.id CHARBUF deprecated
  container k8s.deployment.label CHARBUF arg deprecated
  container k8s.deployment.labels CHARBUF deprecated
  agent agent.name CHARBUF
  agent agent.tenant CHARBUF
  agent agent.tier CHARBUF
  agent agent.image CHARBUF
  agent agent.uid CHARBUF
  """
