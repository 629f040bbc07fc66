import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import KernelFiles
import Sandbox

/// Checks whether this machine can hold agents, and says how to mend what it finds. Changes nothing.
package struct Doctor: Sendable {
  let configuration: Platform.Configuration

  var layout: InstanceLayout { configuration.layout }

  package init(_ configuration: Platform.Configuration) { self.configuration = configuration }

  /// Every check, in the order in which a person would mend things.
  package func examine() async -> [Finding] {
    var findings = quickFindings()
    findings += await runtime()
    findings += await programs()
    findings += await pinned()
    findings += await existingSecretsManager()
    findings.append(swap())
    findings.append(await addressPlan())
    findings.append(policy())
    findings.append(running())
    return findings
  }

  /// The checks without which nothing can start, none of which takes long; the node probes the runtime itself.
  ///
  /// - Throws: `Fault(.unsupported)` naming everything that is missing.
  func requireUsable() async throws {
    let findings =
      quickFindings() + [await addressPlan()] + Self.programs.compactMap(missing) + missingPinned()
    let failures = findings.filter { $0.level == .fail }
    guard let first = failures.first else { return }
    throw Fault(
      .unsupported, operation: "use this machine",
      reason: failures.map { "\($0.check): \($0.detail)" }.joined(separator: "; "),
      remedy: failures.count == 1 ? first.remedy ?? "run 'lobstack doctor'" : "run 'lobstack doctor' for the remedies")
  }

  private func quickFindings() -> [Finding] {
    [kernel(), architecture(), root(), controlGroups(), processIDs(), encryption()] + users() + [disk(), memory()]
  }

  // MARK: The machine

  private func kernel() -> Finding {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: &name.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return Self.kernel(release: release)
  }

  /// Linux 5.4 has the keys of fscrypt by which logs are encrypted (5.3 has pidfd_open(2), by which ends are seen).
  static func kernel(release: String) -> Finding {
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    guard numbers.count == 2 else {
      return .warn("kernel", "release '\(release)' is not understood", remedy: "use Linux 5.4 or newer")
    }
    guard (numbers[0], numbers[1]) >= (5, 4) else {
      return .fail("kernel", "Linux \(release)", remedy: "upgrade to Linux 5.4 or newer")
    }
    return .ok("kernel", "Linux \(release)")
  }

  private func architecture() -> Finding {
    #if arch(x86_64)
      .ok("architecture", "x86_64")
    #else
      .fail("architecture", "not x86_64", remedy: "use a machine with an x86_64 processor")
    #endif
  }

  private func root() -> Finding {
    geteuid() == 0
      ? .ok("root", "running as root")
      : .fail("root", "running as uid \(geteuid())", remedy: "run the command with sudo")
  }

  private func controlGroups() -> Finding {
    do {
      let groups = try ControlGroups.detect()
      return .ok("cgroups", "version \(groups.version) with \(ControlGroups.needed.joined(separator: ", "))")
    } catch let fault as Fault {
      return .fail("cgroups", fault.reason, remedy: fault.remedy)
    } catch {
      return .fail("cgroups", "\(error)", remedy: "mount the control groups below /sys/fs/cgroup")
    }
  }

  /// gVisor has many tasks on the host for each process of a guest, so a small `kernel.pid_max` runs out.
  private func processIDs() -> Finding {
    // Unreadable: warned of below, as 0.
    let text = (try? kernelFile("/proc/sys/kernel/pid_max")) ?? ""
    let most = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    let detail = "kernel.pid_max is \(most)"
    return most < 1 << 17
      ? .warn(
        "process ids", detail + ", which a few agents with many processes could use up",
        remedy: "run 'sysctl -w kernel.pid_max=4194304', and write it to /etc/sysctl.d/lobstack.conf")
      : .ok("process ids", detail)
  }

  private func users() -> [Finding] {
    [
      InstanceLayout.User.controlPlane, InstanceLayout.User.sentinel, InstanceLayout.User.images,
    ].map { name in
      guard let entry = getpwnam(name) else {
        return .fail(
          "user \(name)", "the system has no such user",
          remedy: "run scripts/setup, or: useradd --system --shell /usr/sbin/nologin \(name)")
      }
      return .ok("user \(name)", "uid \(entry.pointee.pw_uid)")
    }
  }

  private func disk() -> Finding {
    var directory = URL(filePath: layout.root)
    while directory.path != "/", !FileManager.default.fileExists(atPath: directory.path) {
      directory.deleteLastPathComponent()
    }
    var status = statvfs()
    guard statvfs(directory.path, &status) == 0 else {
      return .fail("disk", "\(directory.path) cannot be examined", remedy: "choose another --state-dir")
    }
    let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
    let detail = "\(gibibytes(free)) free at \(directory.path)"
    if free < 1 << 30 { return .fail("disk", detail, remedy: "free disk space: at least 1 GiB, better 5 GiB") }
    return free < 5 << 30 ? .warn("disk", detail, remedy: "free disk space: better 5 GiB") : .ok("disk", detail)
  }

  private func memory() -> Finding {
    // An unreadable file warns below, as 0 kB.
    let text = (try? kernelFile("/proc/meminfo")) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") } ?? ""
    let kibibytes = line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
    let detail = "\(gibibytes(kibibytes << 10)) available"
    return kibibytes < 1 << 20
      ? .warn("memory", detail, remedy: "give the machine more memory: a starter agent may use 2 GiB")
      : .ok("memory", detail)
  }

  private func policy() -> Finding {
    do {
      let source = try PolicySource.find(given: configuration.policy, executable: configuration.executable)
      return .ok("policy", source.directory)
    } catch let fault as Fault {
      return .fail("policy", fault.reason, remedy: fault.remedy)
    } catch {
      return .fail("policy", "\(error)", remedy: "name the directory with --policy")
    }
  }

  private func running() -> Finding {
    guard let process = SupervisorLock.holder(layout) else {
      return .ok("platform", "instance \(layout.instance) is down")
    }
    return .ok("platform", "instance \(layout.instance) runs, supervised by process \(process)")
  }

  private func gibibytes(_ bytes: UInt64) -> String {
    let tenths = (bytes * 10) >> 30
    return "\(tenths / 10).\(tenths % 10) GiB"
  }
}
