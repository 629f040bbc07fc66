import AgentModel
import ChildProcess
import Foundation
import Glibc
import KernelFiles
import NetworkIsolation
import Sandbox

/// Everything that an instance can leave on a machine, read back from the kernel and the disk.
///
/// It trusts no record of the platform's own: a purge that forgot something must not be able to hide it.
package struct Leftovers: Sendable {
  let layout: InstanceLayout

  package init(_ layout: InstanceLayout) { self.layout = layout }

  /// One line for each thing that is left; empty when the instance has gone without a trace.
  ///
  /// - Throws: `Fault` when something cannot be read: then nothing may be said to be clean.
  package func find() async throws -> [String] {
    var found = InstanceProcesses(layout: layout).everything().map(\.description)
    found += networkNamespaces().map { "network namespace \($0)" }
    found += interfaces().map { "network interface \($0)" }
    found += try await firewallTables().map { "nft table \($0)" }
    found += try controlGroups().map { "cgroup \($0)" }
    found += try mounts().map { "mount \($0)" }
    found += loopDevices().map { "loop device \($0)" }
    if FileManager.default.fileExists(atPath: layout.root) { found.append("directory \(layout.root)") }
    return found
  }

  func networkNamespaces() -> [String] {
    // The name of another instance may begin with ours: what follows has to be a slot.
    let control = ControlNamespace(of: layout.instance).name
    return names(in: "/run/netns").filter { plan.slot(namespace: $0) != nil || $0 == control }
  }

  func interfaces() -> [String] {
    names(in: "/sys/class/net").filter { plan.slot(interface: $0) != nil || $0 == plan.serviceInterface }
  }

  func firewallTables() async throws -> [String] {
    let text = try await Command("nft", ["list", "tables"]).check(timeout: .seconds(10))
    let ours = "table inet \(layout.firewallTable)"
    return text.split(separator: "\n").contains(ours[...]) ? ["inet \(layout.firewallTable)"] : []
  }

  /// Our cgroup in every hierarchy that is mounted.
  func controlGroups() throws -> [String] {
    let paths = try mountTable().filter { $0.type == "cgroup" || $0.type == "cgroup2" }
      .map { "\($0.target)\(layout.controlGroup)" }
    return Set(paths).sorted().filter { FileManager.default.fileExists(atPath: $0) }
  }

  /// Mount points below the instance's directory, the deepest first.
  func mounts() throws -> [String] {
    try mountTable().map(\.target).filter { $0 == layout.root || $0.hasPrefix(layout.root + "/") }.reversed()
  }

  private func loopDevices() -> [String] {
    names(in: "/sys/block").filter { device in
      // Most loop devices have no file behind them, and then no such entry.
      let file = try? kernelFile("/sys/block/\(device)/loop/backing_file")
      return file?.hasPrefix(layout.root + "/") == true
    }
  }

  private func names(in directory: String) -> [String] {
    // A directory that is not there holds nothing.
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }

  private var plan: AddressPlan { AddressPlan(layout: layout) }
}

extension InstanceLayout {
  var firewallTable: String { "lobstack_\(instance.description.replacingOccurrences(of: "-", with: "_"))" }
}
