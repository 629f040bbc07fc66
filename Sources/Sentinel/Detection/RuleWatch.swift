import Detection
import Faults
import Files
import Foundation
import Logging

/// The rules in force: read again when their files change, all or nothing; broken ones leave those before in force.
struct RuleWatch: Sendable {
  /// Bytes of one file.
  private static let longestFile = 16 << 20

  let directory: String
  /// Address of the platform's own services in the sandboxes' network, which `policy/falco` leaves to it; `nil` where the
  /// directory says it.
  let serviceAddress: String?
  let logger: Logger
  /// Between two looks.
  var interval = Duration.seconds(2)

  /// Hands out rules, and what is to be told of them, until cancelled.
  func run(_ tell: @Sendable (DetectionServer.News) -> Void) async throws {
    var stamps: [String: FileStamp]?
    var hasRules = false
    while true {
      let found = self.stamps()
      // An empty directory is one that is being replaced, unless there was never another.
      if found != stamps, !found.isEmpty || !hasRules {
        stamps = found
        do {
          let rules = try load()
          let count = rules.rules.count { $0.isEnabled }
          logger.info("Detection rules are in force", metadata: ["rules.count": "\(count)"])
          tell(.rules(rules))
          if hasRules { tell(.finding(.rulesLoaded(count), at: nil)) }
          hasRules = true
        } catch {
          let reason = (error as? Fault)?.reason ?? "\(error)"
          logger.error("Detection rules are refused", metadata: ["error": "\(error)"])
          if hasRules { tell(.finding(.rulesRefused(reason), at: nil)) }
        }
      }
      try await Task.sleep(for: interval)
    }
  }

  /// Empty while the directory is replaced.
  private func stamps() -> [String: FileStamp] {
    var stamps: [String: FileStamp] = [:]
    for file in (try? RuleDirectory.files(in: directory)) ?? [] {
      stamps[file] = FileStatus(following: file).map(FileStamp.init)
    }
    return stamps
  }

  private func load() throws -> CompiledRules {
    var files = try RuleDirectory.files(in: directory).map { path in
      guard let data = FileManager.default.contents(atPath: path), data.count <= Self.longestFile else {
        throw Fault(
          .failed, operation: "read \(path)", reason: "it cannot be read, or has more than \(Self.longestFile) bytes",
          remedy: "mend the file")
      }
      return (name: path, text: String(decoding: data, as: UTF8.self))
    }
    if let serviceAddress { files.append(("the platform's own", Self.ownList(serviceAddress))) }
    return try RuleDirectory.compile(files)
  }

  /// Adds the address to the list that the rules have for it.
  static func ownList(_ address: String) -> String {
    """
    - list: platform_service_ips
      items: ['"\(address)"']
      override: {items: append}
    """
  }
}
