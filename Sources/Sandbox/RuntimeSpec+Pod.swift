import AgentModel
import Documents
import Faults
import Glibc

extension RuntimeSpec {
  /// Most open files of an agent.
  private static let openFiles: Int64 = 4096
  private static let period: UInt64 = 100_000

  /// What a Pod means to the runtime.
  ///
  /// - Throws: `Fault(.invalid)` for a Pod that the runtime cannot keep to: an absent limit, a program or a mount point
  ///   that the image lacks.
  init(_ bundle: SandboxBundle, seccomp: Seccomp) throws {
    let pod = bundle.pod
    guard let container = pod.spec.containers.first, pod.spec.containers.count == 1 else {
      throw bundle.fault("its Pod has \(pod.spec.containers.count) containers, not one")
    }
    let image = ImageRoot(path: bundle.imageRoot, name: container.image)
    let env = Self.environment(bundle, container)
    let command = container.command ?? bundle.imageCommand
    guard let program = command.first else {
      throw bundle.fault("neither the agent nor its image names a command")
    }
    try image.requireProgram(program, searchPath: env["PATH"] ?? Self.defaultPath)

    let limits = try ResourceLimits(pod)
    let isRoot = bundle.weaknesses.contains(.runAsRoot)
    let user = isRoot ? 0 : pod.spec.securityContext.runAsUser
    process = Process(
      user: User(uid: user, gid: isRoot ? 0 : pod.spec.securityContext.runAsGroup), args: command,
      env: env.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" },
      cwd: bundle.imageDirectory == "/" || bundle.imageDirectory.isEmpty ? "/workspace" : bundle.imageDirectory,
      noNewPrivileges: !container.securityContext.allowPrivilegeEscalation,
      capabilities: Capabilities(
        bundle.weaknesses.contains(.allCapabilities)
          ? Self.allCapabilities : container.securityContext.capabilities.add ?? []),
      rlimits: [
        Limit("RLIMIT_NOFILE", Self.openFiles), Limit("RLIMIT_NPROC", limits.processes), Limit("RLIMIT_CORE", 0),
        Limit("RLIMIT_FSIZE", limits.workspace),
      ])
    let isReadOnly = container.securityContext.readOnlyRootFilesystem && !bundle.weaknesses.contains(.writableRoot)
    root = Root(path: bundle.imageRoot, readonly: isReadOnly)
    hostname = pod.spec.hostname
    mounts = try Self.mounts(bundle, container, image)
    let hasLimits = !bundle.weaknesses.contains(.noLimits)
    linux = Linux(
      namespaces: ["pid", "ipc", "uts", "mount"].map { Namespace(type: $0) }
        + [Namespace(type: "network", path: bundle.networkNamespace)],
      cgroupsPath: bundle.id.cgroup,
      resources: hasLimits
        ? Resources(
          memory: Resources.Memory(limit: limits.memory, swap: limits.memory),
          cpu: Resources.CPU(quota: limits.cpuQuota, period: Self.period, shares: limits.cpuShares),
          pids: Resources.Pids(limit: limits.hostTasks)) : nil,
      seccomp: bundle.weaknesses.contains(.noSeccomp) ? nil : seccomp)
  }

  private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  private static func environment(_ bundle: SandboxBundle, _ container: Container) -> [String: String] {
    var env = ["PATH": defaultPath, "HOME": "/workspace", "TMPDIR": "/tmp"]
    env.merge(bundle.imageEnv) { _, image in image }
    // The image's home belongs to another user, in a root that cannot be written.
    env["HOME"] = "/workspace"
    env["HOSTNAME"] = bundle.pod.spec.hostname
    env.merge(container.env.map { ($0.name, $0.value) }) { _, agent in agent }
    return env
  }

  private static func mounts(_ bundle: SandboxBundle, _ container: Container, _ image: ImageRoot) throws -> [Mount] {
    var mounts = [
      Mount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
      Mount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "noexec", "size=64k"]),
      Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]),
    ]
    for mount in container.volumeMounts {
      guard let volume = bundle.pod.spec.volumes.first(where: { $0.name == mount.name }) else {
        throw bundle.fault("its Pod mounts volume '\(mount.name)', which it does not define")
      }
      if let directory = volume.emptyDir {
        guard let size = directory.sizeLimit.flatMap(ByteSize.init) else {
          throw bundle.fault("volume '\(volume.name)' has no size limit")
        }
        mounts.append(
          Mount(
            destination: mount.mountPath, type: "tmpfs", source: "tmpfs",
            options: ["nosuid", "nodev", "mode=1777", "size=\(size.bytes)"]))
      } else if volume.csi != nil {
        guard volume.csi?.driver == secretsVolumeDriver, let secrets = bundle.secrets else {
          throw bundle.fault("volume '\(volume.name)' is of a driver that this machine does not have")
        }
        mounts.append(
          Mount(
            destination: mount.mountPath, type: "bind", source: secrets,
            options: ["rbind", "ro", "nosuid", "nodev", "noexec"]))
      } else {
        mounts.append(
          Mount(
            destination: mount.mountPath, type: "bind", source: bundle.workspace,
            options: ["rbind", mount.readOnly == true ? "ro" : "rw", "nosuid", "nodev"]))
      }
    }
    for extra in bundle.extraMounts {
      mounts.append(
        Mount(destination: extra.destination, type: "bind", source: extra.source, options: ["rbind", "rw"]))
    }
    try image.requireDirectories(mounts.map(\.destination))
    for (name, _) in bundle.networkFiles where image.hasFile("/etc/\(name)") {
      mounts.append(
        Mount(
          destination: "/etc/\(name)", type: "bind", source: "\(bundle.directory)/\(name)",
          options: ["ro", "nosuid", "nodev", "noexec"]))
    }
    // Nobody in the sandbox has a password; what an image brings of them stays out of reach.
    for hidden in ["/etc/shadow", "/etc/gshadow"] where image.hasFile(hidden) {
      mounts.append(Mount(destination: hidden, type: "bind", source: "/dev/null", options: ["ro"]))
    }
    return mounts
  }

  private static let allCapabilities = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
  ]
}

extension SandboxBundle {
  func fault(_ reason: String) -> Fault {
    Fault(
      .invalid, operation: "make a sandbox for agent \(pod.metadata.namespace ?? "")/\(pod.metadata.name)",
      reason: reason, remedy: "correct the agent or its image")
  }
}

/// The limits of a Pod as numbers.
struct ResourceLimits: Hashable, Sendable {
  var memory: Int64
  /// Microseconds of CPU time per 100 ms.
  var cpuQuota: Int64
  var cpuShares: UInt64
  /// Processes in the sandbox.
  var processes: Int64
  /// Tasks on the host: a backstop behind `processes` that only a broken gVisor or a crowd of busy processes should
  /// meet, because a gVisor that is refused a task ends its sandbox.
  ///
  /// The ptrace platform keeps a task for each pair of a guest's process and a thread of gVisor's own that has ever
  /// served it: 1262 for 128 sleeping processes, 186 for 10 busy ones, 1421 for 40, 13,662 for 110 (measured). So tier
  /// `starter` can have some 60 of its 128 busy at once, and stays a small part of the 4 million that a machine can have.
  var hostTasks: Int64 { 60 + 32 * processes }
  /// Largest file that the agent may write.
  var workspace: Int64

  init(_ pod: Pod) throws {
    func missing(_ what: String) -> Fault {
      Fault(
        .invalid, operation: "read the limits of pod \(pod.metadata.name)", reason: "it has no valid \(what)",
        remedy: "create the agent again")
    }
    let limits = pod.spec.containers.first?.resources.limits ?? [:]
    let annotations = pod.metadata.annotations ?? [:]
    guard let memory = limits["memory"].flatMap(ByteSize.init) else { throw missing("memory limit") }
    guard let cpu = limits["cpu"].flatMap(Int64.init), cpu > 0 else { throw missing("cpu limit") }
    guard let processes = annotations[processLimitAnnotation].flatMap(Int64.init), processes > 0 else {
      throw missing(processLimitAnnotation)
    }
    guard let workspace = annotations[workspaceSizeAnnotation].flatMap(ByteSize.init) else {
      throw missing(workspaceSizeAnnotation)
    }
    self.memory = memory.bytes
    self.processes = processes
    self.workspace = workspace.bytes
    cpuQuota = cpu * 100_000
    cpuShares = UInt64(cpu) * 1024
  }
}
