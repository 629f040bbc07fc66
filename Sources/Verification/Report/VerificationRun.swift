import APIModel
import Foundation
import KernelFiles

/// When, where and how far `verify` ran.
package struct VerificationRun: Sendable, Hashable, Codable {
  package enum Tier: String, Sendable, Codable {
    /// What takes a minute.
    case quick
    case full
    /// Each enforcer stopped in turn.
    case outages = "break"
    /// Checks that were named.
    case chosen
  }

  package var id: String
  package var tier: Tier
  /// `nil` in reports of before there was a schedule.
  package var trigger: VerificationTrigger?
  /// RFC 3339, UTC.
  package var startedAt: String
  package var durationMs: Int
  package var instance: String
  /// Of Lobstack.
  package var version: String
  /// SHA-256 of the program that the platform's processes run, hexadecimal.
  package var program: String?
  package var host: Host
  /// Parts of the platform, and what they say of themselves, such as versions.
  package var components: [String: String]

  package struct Host: Sendable, Hashable, Codable {
    package var name: String
    package var kernel: String
    package var processors: Int
    package var memoryMiB: Int
  }

  /// A run of one machine's platform that begins now.
  init(
    tier: Tier, trigger: VerificationTrigger = .person, of platform: PlatformStatus, program: String? = nil,
    at start: Date = .now
  ) {
    self.init(
      tier: tier, trigger: trigger, instance: platform.instance, version: platform.version, program: program,
      components: Dictionary(
        platform.components.map { ($0.name, $0.detail) }, uniquingKeysWith: { first, _ in first }), at: start)
  }

  /// A run that begins now.
  package init(
    tier: Tier, trigger: VerificationTrigger = .person, instance: String, version: String, program: String? = nil,
    components: [String: String], at start: Date = .now
  ) {
    id = UUID().uuidString.lowercased()
    self.tier = tier
    self.trigger = trigger
    startedAt = start.formatted(.iso8601)
    durationMs = 0
    self.instance = instance
    self.version = version
    self.program = program
    self.components = components
    let process = ProcessInfo.processInfo
    host = Host(
      name: process.hostName, kernel: Self.kernel, processors: process.activeProcessorCount,
      memoryMiB: Int(process.physicalMemory >> 20))
  }

  private static var kernel: String {
    (try? kernelFile("/proc/sys/kernel/osrelease"))?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
  }

  /// "full run 3f… of instance default on host, 2026-01-31T12:00:00Z, 98.2 s"; "quick run 3f… by the schedule of …".
  var title: String {
    "\(tier.rawValue) run \(id)\(trigger.byline) of instance \(instance) on \(host.name), \(startedAt), \(inSeconds(durationMs))"
  }
}
