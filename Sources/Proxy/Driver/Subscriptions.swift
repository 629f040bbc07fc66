import Foundation

/// What Envoy's statistics say of its subscriptions at one moment.
struct Subscriptions: Sendable {
  /// The version that Envoy accepted last, and how often it read the file with which end.
  struct Counts: Hashable, Sendable {
    var version: String?
    var attempts = 0
    var successes = 0
    /// Refused (`update_rejected`) or not readable at all (`update_failure`).
    var refusals = 0

    static let zero = Counts()
  }

  static let expression =
    #"(cluster_manager\.cds|listener_manager\.lds|http\..*\.rds\..*|(.*\.)?sds\..*)"#
    + #"\.(version_text|update_(attempt|success|rejected|failure))"#
    + #"|listener_manager\.total_listeners_(active|warming)"#

  private var counts: [EnvoyFile.Source: Counts] = [:]
  let activeListeners: Int
  /// Accepted, but still without a secret or a route table that it needs.
  let warmingListeners: Int

  init(_ statistics: [String: EnvoyAdmin.Statistic]) {
    func number(_ name: String) -> Int {
      if case .number(let value) = statistics[name] { value } else { 0 }
    }
    activeListeners = number("listener_manager.total_listeners_active")
    warmingListeners = number("listener_manager.total_listeners_warming")
    for (name, statistic) in statistics {
      guard let dot = name.lastIndex(of: "."), let source = Self.source(name[..<dot]) else { continue }
      switch (name[dot...].dropFirst(), statistic) {
      case ("version_text", .text(let version)): counts[source, default: .zero].version = version
      case ("update_attempt", .number(let count)): counts[source, default: .zero].attempts += count
      case ("update_success", .number(let count)): counts[source, default: .zero].successes += count
      case ("update_rejected", .number(let count)): counts[source, default: .zero].refusals += count
      case ("update_failure", .number(let count)): counts[source, default: .zero].refusals += count
      default: break
      }
    }
  }

  /// The source whose subscription has that prefix in its statistics: "http.<connection manager>.rds.<name>".
  private static func source(_ prefix: Substring) -> EnvoyFile.Source? {
    switch prefix {
    case "cluster_manager.cds": return .clusters
    case "listener_manager.lds": return .listeners
    default:
      if let rds = prefix.range(of: ".rds."), prefix.hasPrefix("http.") {
        return .routes(String(prefix[rds.upperBound...]))
      }
      guard let sds = prefix.range(of: "sds."), sds.lowerBound == prefix.startIndex || prefix.contains(".sds.") else {
        return nil
      }
      return .secret(String(prefix[sds.upperBound...]))
    }
  }

  /// `nil` when nothing subscribes to the source yet.
  subscript(source: EnvoyFile.Source) -> Counts? { counts[source] }

  enum Answer: Hashable { case accepted, refused, waiting }

  /// What became of a file that was written when the counts were `before` (`zero`: Envoy may have read it at its
  /// start).
  func answer(to file: WrittenFile, of source: EnvoyFile.Source, since before: Counts) -> Answer {
    let now = counts[source] ?? .zero
    // Envoy was started anew meanwhile, and counts from nothing.
    let before = now.attempts < before.attempts ? .zero : before
    if now.version == file.version && (before.version != file.version || now.successes > before.successes) {
      return .accepted
    }
    return now.refusals > before.refusals ? .refused : .waiting
  }

  /// Whether Envoy runs exactly these files.
  func accepts(_ files: FileSet) -> Bool {
    files.allSatisfy { answer(to: $0.value, of: $0.key, since: .zero) == .accepted }
  }
}
