import AgentModel
import Foundation
import Glibc
import KernelFiles

/// The processes of one instance, found in /proc by what the kernel says of them.
package struct InstanceProcesses: Sendable {
  package struct Found: Hashable, Sendable, CustomStringConvertible {
    package let process: pid_t
    let what: String
    /// It has no lifeline: it ends when it is told to.
    var needsSignal = false

    package var description: String { "process \(process) (\(what))" }
  }

  let layout: InstanceLayout

  package init(layout: InstanceLayout) { self.layout = layout }

  /// Programs of the platform: ours by the path of their executable, which lies in the instance's own directory, the
  /// proxies by the configuration that they run, the ACME client by its directory.
  package func platform() -> [Found] {
    Self.all { process in
      program(process).map { isOfAnother(process) ? nil : $0 } ?? proxy(process)
    }.map { found in
      var found = found
      found.needsSignal = !found.what.hasPrefix("lobstack")
      return found
    }
  }

  private func program(_ process: pid_t) -> String? {
    guard let path = Self.executable(process), path.hasPrefix(layout.executable) else { return nil }
    return "lobstack \(Self.arguments(process).dropFirst().first ?? "")"
  }

  /// Verify starts a second platform by the program of the first; that one ends when verify's rest is taken away.
  private func isOfAnother(_ process: pid_t) -> Bool {
    let arguments = Self.arguments(process)
    return zip(arguments, arguments.dropFirst()).contains { $0 == "--instance" && $1 != "\(layout.instance)" }
  }

  private func proxy(_ process: pid_t) -> String? {
    // Anybody may have the path among his arguments; only the proxies' users count, and root before it became one.
    let users = [0, layout.proxyUserID, layout.gatewayUserID, layout.vaultUserID]
    guard let user = Self.user(process), users.contains(user) else { return nil }
    let bootstraps = [layout.proxyBootstrap, layout.gatewayBootstrap]
    let arguments = Self.arguments(process)
    if arguments.contains(layout.publicCertificateDirectory) { return "lego" }
    if arguments.contains(Self.openBaoArgument(layout.vaultConfiguration)) { return "openbao" }
    return arguments.contains { bootstraps.contains($0) } ? "envoy" : nil
  }

  /// Everything of the instance: the platform, what is in its cgroups, and every runsc on its directory.
  package func everything() -> [Found] {
    Self.all { process in
      if let found = program(process) ?? proxy(process) { return found }
      if isInControlGroup(process) { return "in cgroup \(layout.controlGroup)" }
      let usesRuntimeDirectory = Self.arguments(process).contains {
        $0 == layout.runtimeDirectory || $0.hasSuffix("=\(layout.runtimeDirectory)")
      }
      if usesRuntimeDirectory { return "runsc" }
      if servesWorkspace(process) { return "gocryptfs" }
      if unpacksBackup(process) { return "unpacks a backup" }
      return unpacksImage(process) ? "unpacks an image" : nil
    }
  }

  private func servesWorkspace(_ process: pid_t) -> Bool {
    let arguments = Self.arguments(process)
    return arguments.first?.hasSuffix("gocryptfs") == true
      && arguments.last?.hasPrefix("\(layout.agentsDirectory)/") == true
  }

  /// A restore that was killed leaves its tar, which goes on until its pipe is empty. Only root, and what a restore starts,
  /// can enter that directory.
  private func unpacksBackup(_ process: pid_t) -> Bool {
    Self.link("/proc/\(process)/cwd")?.hasPrefix("\(layout.restoreDirectory)/") == true
  }

  /// The tools that read images see the instance's staging directory in a mount namespace of their own.
  private func unpacksImage(_ process: pid_t) -> Bool {
    guard Self.link("/proc/\(process)/ns/mnt") != Self.link("/proc/self/ns/mnt") else { return false }
    return Self.text("/proc/\(process)/mountinfo").contains("\(layout.imagesDirectory)/staging-")
  }

  private func isInControlGroup(_ process: pid_t) -> Bool {
    Self.text("/proc/\(process)/cgroup").split(separator: "\n").contains { line in
      guard let path = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last else {
        return false
      }
      return path == layout.controlGroup[...] || path.hasPrefix(layout.controlGroup + "/")
    }
  }

  /// By which an OpenBao is known.
  static func openBaoArgument(_ configuration: String) -> String { "-config=\(configuration)" }

  /// OpenBao servers that run on this configuration.
  static func openBao(on configuration: String) -> [pid_t] {
    all { arguments($0).contains(openBaoArgument(configuration)) ? "openbao" : nil }.map(\.process)
  }

  private static func all(_ describe: (pid_t) -> String?) -> [Found] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.sorted().compactMap { process in
      guard process != getpid(), Self.isAlive(process) else { return nil }
      return describe(process).map { Found(process: process, what: $0) }
    }
  }

  /// Whether the process exists and is not a zombie, which holds nothing but its exit code.
  static func isAlive(_ process: pid_t) -> Bool {
    guard let end = text("/proc/\(process)/stat").split(separator: ")").last else { return false }
    return !end.hasPrefix(" Z") && !end.hasPrefix(" X")
  }

  static func programName(_ process: pid_t) -> String? {
    executable(process)?.split(separator: "/").last.map(String.init)
  }

  /// The path of the program, with " (deleted)" behind it when the file is gone; `nil` for threads of the kernel.
  private static func executable(_ process: pid_t) -> String? { link("/proc/\(process)/exe") }

  private static func link(_ path: String) -> String? {
    // A process that ended meanwhile has none, and is none of ours any more.
    try? FileManager.default.destinationOfSymbolicLink(atPath: path)
  }

  static func arguments(_ process: pid_t) -> [String] {
    text("/proc/\(process)/cmdline").split(separator: "\0").map(String.init)
  }

  /// The real user id.
  private static func user(_ process: pid_t) -> UInt32? {
    let line = text("/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("Uid:") }
    return line?.split(separator: "\t").dropFirst().first.flatMap { UInt32($0) }
  }

  private static func text(_ path: String) -> String {
    // As above: what cannot be read any more has ended.
    (try? kernelFile(path)) ?? ""
  }
}

extension InstanceLayout {
  /// The cgroup above those of the instance's sandboxes.
  var controlGroup: String { "/lobstack-\(instance)" }

  func processIDFile(_ component: String) -> String { "\(runDirectory)/\(component).pid" }
  func logFile(_ component: String) -> LogFile { LogFile(path: "\(logDirectory)/\(component).log") }
}
