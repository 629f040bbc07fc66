import AgentModel
import ChildProcess
import Documents
import Foundation
import Glibc
import KernelFiles

extension SandboxRuntime {
  /// What the kernel says of a running sandbox, seen from outside: nothing that an agent writes has a part in it.
  package func readBack(_ id: SandboxID, pod: Pod) async -> [LayerStatus] {
    let process: Int32
    do {
      guard let state = try await state(id), state.status == .running, state.process > 0 else {
        return ["sandbox", "resources"].map { failed($0, "the sandbox does not run") }
      }
      process = state.process
    } catch {
      return ["sandbox", "resources"].map { failed($0, "\(error)") }
    }
    return [sandboxLayer(process, id: id), resourcesLayer(process, id: id, pod: pod)]
  }

  private func sandboxLayer(_ process: Int32, id: SandboxID) -> LayerStatus {
    let status = fields(of: "/proc/\(process)/status")
    guard sameFile("/proc/\(process)/exe", traits.executable) else {
      return failed("sandbox", "process \(process) is not \(traits.executable)")
    }
    guard status["Seccomp"] == "2" else {
      return failed("sandbox", "process \(process) runs without a seccomp filter")
    }
    guard status["NoNewPrivs"] == "1" else {
      return failed("sandbox", "process \(process) may gain privileges")
    }
    let shared = ["net", "user", "mnt"].filter { link("/proc/\(process)/ns/\($0)") == link("/proc/self/ns/\($0)") }
    guard shared.isEmpty else {
      return failed("sandbox", "process \(process) shares the host's namespaces \(shared.joined(separator: ", "))")
    }
    // A socket there could be reached by every user of the machine.
    guard let sockets = try? kernelFile("/proc/self/net/unix"),
      !sockets.contains("@runsc-sandbox.\(id)")
    else { return failed("sandbox", "its control socket is open to this machine's users") }
    return LayerStatus(
      layer: "sandbox", state: .enforced,
      evidence: "process \(process) is gVisor (\(version), \(platform)): own user, mount and network namespaces, "
        + "seccomp filter, no new privileges, control socket out of reach")
  }

  private func resourcesLayer(_ process: Int32, id: SandboxID, pod: Pod) -> LayerStatus {
    let wanted: ResourceLimits
    do {
      wanted = try ResourceLimits(pod)
    } catch {
      return failed("resources", "\(error)")
    }
    let read = groups.limits(of: id.cgroup)
    let differences = [
      difference("memory", read.memory, wanted.memory), difference("cpu quota", read.cpuQuota, wanted.cpuQuota),
      difference("tasks", read.hostTasks, wanted.hostTasks),
    ].compactMap { $0 }
    guard differences.isEmpty else { return failed("resources", differences.joined(separator: ", ")) }
    // The membership file cannot be read of a process that has just ended: then nothing is proved.
    let membership = (try? kernelFile("/proc/\(process)/cgroup")) ?? ""
    let members = membership.split(separator: "\n").filter { $0.hasSuffix(":\(id.cgroup)") }
    guard !members.isEmpty else {
      return failed("resources", "process \(process) is not in control group \(id.cgroup)")
    }
    return LayerStatus(
      layer: "resources", state: .enforced,
      evidence: "control group \(id.cgroup): memory \(ByteSize(bytes: wanted.memory)), "
        + "cpu \(wanted.cpuQuota / 100_000), \(wanted.hostTasks) tasks; \(wanted.processes) processes inside")
  }

  private func difference(_ name: String, _ read: Int64?, _ wanted: Int64) -> String? {
    guard read != wanted else { return nil }
    return "\(name) is \(read.map(String.init) ?? "unlimited"), not \(wanted)"
  }

  private func failed(_ layer: String, _ evidence: String) -> LayerStatus {
    LayerStatus(layer: layer, state: .failed, evidence: evidence)
  }

  private func sameFile(_ left: String, _ right: String) -> Bool {
    var one = stat()
    var other = stat()
    return stat(left, &one) == 0 && stat(right, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev
  }

  private func link(_ path: String) -> String? { try? FileManager.default.destinationOfSymbolicLink(atPath: path) }

  private func fields(of path: String) -> [Substring: String] {
    let text = (try? kernelFile(path)) ?? ""
    let pairs = text.split(separator: "\n").compactMap { line -> (Substring, String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      return (line[..<colon], line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }
    return Dictionary(pairs) { first, _ in first }
  }
}
