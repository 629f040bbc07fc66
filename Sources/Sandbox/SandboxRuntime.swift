import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import Glibc

/// gVisor's runsc: makes, starts, ends and lists the sandboxes of one instance.
package struct SandboxRuntime: Sendable {
  package struct Configuration: Sendable {
    /// Path of runsc, or a name to look up.
    package var executable: String
    /// Where runsc keeps its state files.
    package var rootDirectory: String
    /// Where the Pod's `localhostProfile` is found.
    package var seccompDirectory: String
    package var instance: InstanceName

    package init(executable: String, rootDirectory: String, seccompDirectory: String, instance: InstanceName) {
      self.executable = executable
      self.rootDirectory = rootDirectory
      self.seccompDirectory = seccompDirectory
      self.instance = instance
    }
  }

  let configuration: Configuration
  package let traits: RuntimeTraits
  let groups: ControlGroups
  private let control: ControlNamespace

  package var version: String { traits.version }
  package var platform: String { traits.platform }

  /// Probes the runtime and the machine.
  ///
  /// - Throws: `Fault` naming what is missing: runsc, a control group controller.
  package static func open(_ configuration: Configuration) async throws -> SandboxRuntime {
    let traits = try await RuntimeTraits.probe(configuration.executable)
    let groups = try ControlGroups.detect()
    try FileManager.default.createDirectory(
      atPath: configuration.rootDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let control = ControlNamespace(of: configuration.instance)
    try await control.open()
    return SandboxRuntime(configuration: configuration, traits: traits, groups: groups, control: control)
  }

  /// Removes what the instance's runtime itself has on the machine; its sandboxes must be gone.
  package func close() async throws { try await control.remove() }

  /// Makes the sandbox and starts its program, by one call: two take half as long again.
  ///
  /// - Returns: The sandbox's process id on the host.
  /// - Throws: `Fault(.invalid)` when the image and the Pod do not fit; `Fault(.failed)` with runsc's own words. What is
  ///   left of the sandbox then `delete` removes.
  package func run(_ bundle: SandboxBundle) async throws -> Int32 {
    let spec = try RuntimeSpec(bundle, seccomp: try seccompProfile(of: bundle))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let log = "\(bundle.directory)/runsc.log"
    do {
      try encoder.encode(spec).write(to: URL(filePath: "\(bundle.directory)/config.json"), options: .atomic)
      try Data().write(to: URL(filePath: log))
      for (name, text) in bundle.networkFiles {
        try Data(text.utf8).write(to: URL(filePath: "\(bundle.directory)/\(name)"))
      }
    } catch {
      throw Fault(
        .exhausted, operation: "write the bundle in \(bundle.directory)", reason: "a file cannot be written",
        remedy: "free disk space or mend the file system", cause: error)
    }
    var flags = globalFlags(bundle: bundle)
    flags += ["--log=\(log)", "--panic-log=\(bundle.directory)/panic.log"]
    let arguments = [
      "run", "-detach", "-pid-file", processFile(of: bundle.id), "-bundle", bundle.directory, bundle.id.description,
    ]
    let status = try await runCommand(flags + arguments).run(appendingTo: bundle.logFile)
    // From the file, because to ask the runtime takes as long as a tenth of the whole way, and a short program may be over.
    guard status == .exited(0), let process = process(of: bundle.id) else {
      throw Fault(
        .failed, operation: "start sandbox \(bundle.id)", reason: "runsc \(status): \(lastLine(of: log))",
        remedy: "see \(log)")
    }
    return process
  }

  private func processFile(of id: SandboxID) -> String { "\(configuration.rootDirectory)/\(id).pid" }

  /// The sandbox's process as the runtime noted it.
  func process(of id: SandboxID) -> Int32? {
    let text = (try? String(contentsOfFile: processFile(of: id), encoding: .utf8)) ?? ""  // no file, no process
    return Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap { $0 > 1 ? $0 : nil }
  }

  /// - Returns: `nil` when there is no such sandbox.
  package func state(_ id: SandboxID) async throws -> SandboxState? {
    // The runtime would ask it, and wait for the answer.
    if isFrozen(id), let process = process(of: id) { return SandboxState(id: id, status: .paused, process: process) }
    let result = try await command(["state", id.description]).run()
    guard result.status == .exited(0) else { return nil }
    return try decode(StateReport.self, result.standardOutput, "read the state of sandbox \(id)").state
  }

  /// Every sandbox of the instance.
  package func list() async throws -> [SandboxState] {
    let ids = try knownSandboxes()
    if ids.contains(where: isFrozen) {
      var states: [SandboxState] = []
      for id in ids { if let state = try await state(id) { states.append(state) } }
      return states
    }
    let text = try await command(["list", "-format", "json"]).check()
    let reports = try decode([StateReport]?.self, text, "list the sandboxes") ?? []
    return reports.compactMap(\.state).filter { $0.id.instance == configuration.instance }
  }

  /// Sends a signal to the program; done when the sandbox has ended already.
  package func kill(_ id: SandboxID, signal: Int32) async throws {
    let result = try await command(["kill", id.description, "\(signal)"]).run()
    guard result.status != .exited(0), let state = try await state(id), state.status != .stopped else { return }
    throw Fault(
      .failed, operation: "send signal \(signal) to sandbox \(id)", reason: result.standardError,
      remedy: "see the log of the node")
  }

  /// Ends one process of a sandbox by force; done when there is none of that number any more.
  package func kill(_ id: SandboxID, process: Int32) async throws {
    _ = try await command(["kill", "-pid", "\(process)", id.description, "\(SIGKILL)"]).run()
  }

  /// Ends the sandbox if it runs, and removes what the runtime and the kernel hold of it. Done when there is none.
  package func delete(_ id: SandboxID) async throws {
    // A frozen one would keep the runtime waiting.
    if isFrozen(id) { try await end(id) }
    var result = try await command(["delete", "-force", id.description]).run()
    for _ in 0..<5 where result.status != .exited(0) {
      // A sandbox whose processes were not reaped yet is refused once; the reaper is quick.
      try await Task.sleep(for: .milliseconds(50))
      guard try await state(id) != nil else { break }
      result = try await command(["delete", "-force", id.description]).run()
    }
    if try await state(id) != nil {
      throw Fault(
        .failed, operation: "delete sandbox \(id)", reason: result.standardError, remedy: "see the log of the node")
    }
    try await removeGroup(of: id)
    removeStateFiles(of: id)
  }

  /// The kernel has the last word on what is left: a runtime that has lost its state file knows of no sandbox.
  private func removeGroup(of id: SandboxID) async throws {
    for _ in 0..<100 {
      for process in ControlGroups.processes(of: id.cgroup) { Glibc.kill(process, SIGKILL) }
      for directory in ControlGroups.directories(of: id.cgroup) { rmdir(directory) }
      if ControlGroups.directories(of: id.cgroup).isEmpty { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw Fault(
      .failed, operation: "delete sandbox \(id)", reason: "its control group \(id.cgroup) is still there after 2 s",
      remedy: "look with 'cat /sys/fs/cgroup/*\(id.cgroup)/cgroup.procs' at what is in it")
  }

  /// A program to run inside a running sandbox, as the agent's user.
  ///
  /// - Parameter processFile: where the program's process id in the sandbox is written, for `kill(_:process:)`.
  package func execCommand(
    _ id: SandboxID, command: [String], env: [String: String], directory: String?, processFile: String? = nil
  ) -> Command {
    let user = InstanceLayout.agentUserID
    var arguments = globalFlags() + ["exec", "-user", "\(user):\(user)", "-cwd", directory ?? "/workspace"]
    if let processFile { arguments.append("-internal-pid-file=\(processFile)") }
    for (name, value) in env.sorted(by: { $0.key < $1.key }) { arguments += ["-env", "\(name)=\(value)"] }
    return control.command(traits.executable, arguments + [id.description] + command)
  }

  package func outOfMemory(_ id: SandboxID) -> Bool { groups.outOfMemory(id.cgroup) }

  // MARK: runsc

  func command(_ arguments: [String]) -> Command { control.command(traits.executable, globalFlags() + arguments) }

  private func globalFlags(bundle: SandboxBundle? = nil) -> [String] {
    var flags = ["--root=\(configuration.rootDirectory)"]
    flags += traits.flags
    if bundle?.weaknesses.contains(.noLimits) == true { flags.append("--ignore-cgroups") }
    if let trace = bundle?.traceConfiguration { flags.append("--pod-init-config=\(trace)") }
    if bundle?.weaknesses.contains(.rawSockets) == true { flags.append("--net-raw") }
    return flags
  }

  /// It sees /proc/sys/net hidden where a kernel of 6.11 or newer would make this runtime refuse
  /// (github.com/google/gvisor issue 10704). What is unmounted on the host goes there too.
  private func runCommand(_ arguments: [String]) -> Command {
    guard traits.hidesNetworkSettings else { return control.command(traits.executable, arguments) }
    let script = "mount -t tmpfs -o ro,size=4k none /proc/sys/net && exec \"$0\" \"$@\""
    return control.command(
      "unshare", ["--mount", "--propagation", "slave", "sh", "-c", script, traits.executable] + arguments)
  }

  private func seccompProfile(of bundle: SandboxBundle) throws -> RuntimeSpec.Seccomp {
    let profile = bundle.pod.spec.securityContext.seccompProfile
    guard profile.type == "Localhost", let name = profile.localhostProfile, !name.contains("/"), !name.hasPrefix(".")
    else { throw bundle.fault("its seccomp profile is not a file of the policy") }
    let path = "\(configuration.seccompDirectory)/\(name)"
    do {
      return try JSONDecoder().decode(RuntimeSpec.Seccomp.self, from: Data(contentsOf: URL(filePath: path)))
    } catch {
      throw Fault(
        .invalid, operation: "read \(path)", reason: "it is no seccomp profile", remedy: "restore the policy directory",
        cause: error)
    }
  }

  private func lastLine(of log: String) -> String {
    // No log, no words: the exit status has to do.
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").last.map { String($0.suffix(500)) } ?? "no message"
  }

  /// The sandboxes that the runtime has a state file of, `<id>_sandbox:<id>.state`.
  private func knownSandboxes() throws -> [SandboxID] {
    try FileManager.default.contentsOfDirectory(atPath: configuration.rootDirectory).sorted().compactMap { name in
      guard name.hasSuffix(".state"), let id = SandboxID(String(name.prefix { $0 != "_" })) else { return nil }
      return id.instance == configuration.instance ? id : nil
    }
  }

  private func removeStateFiles(of id: SandboxID) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: configuration.rootDirectory)) ?? []
    for name in names where name.hasPrefix("\(id)_sandbox:") { unlink("\(configuration.rootDirectory)/\(name)") }
    unlink(processFile(of: id))
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ text: String, _ operation: String) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw Fault(
        .failed, operation: operation, reason: "runsc's answer is not understood", remedy: "check the version of runsc",
        cause: error)
    }
  }
}

/// The JSON of `runsc state` and of each element of `runsc list`.
private struct StateReport: Decodable {
  var id: String
  var status: String
  var pid: Int32

  var state: SandboxState? {
    guard let id = SandboxID(id), let status = SandboxState.Status(rawValue: status) else { return nil }
    return SandboxState(id: id, status: status, process: max(pid, 0))
  }
}
