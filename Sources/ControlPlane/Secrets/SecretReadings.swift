import AgentModel
import Foundation
import SecretStore

/// When secrets were read, as the secrets manager's own audit log tells it: its paths are in the clear, its values not.
struct SecretReadings: Sendable {
  /// The newest log first.
  let files: [String]

  private struct Entry: Decodable {
    struct Request: Decodable {
      var operation: String
      var path: String
    }
    var time: String
    var type: String
    var error: String?
    var request: Request
  }

  /// The last reading of each path below the KV mount that was answered.
  func last() -> [String: Date] {
    var readings: [String: Date] = [:]
    for file in files {
      // A log that is not there yet, or was not turned over yet, tells nothing.
      guard let data = FileManager.default.contents(atPath: file) else { continue }
      for line in data.split(separator: UInt8(ascii: "\n")) where line.range(of: Self.mark) != nil {
        guard let entry = try? JSONDecoder().decode(Entry.self, from: line), entry.type == "response",
          entry.error == nil, entry.request.operation == "read", entry.request.path.hasPrefix(Self.prefix),
          let time = try? rfc3339(entry.time)
        else { continue }
        let path = String(entry.request.path.dropFirst(Self.prefix.count))
        readings[path] = max(readings[path] ?? .distantPast, time)
      }
    }
    return readings
  }

  private static let prefix = "secret/data/"
  private static let mark = Data("\"\(prefix)\(SecretReference.root)/".utf8)
}
