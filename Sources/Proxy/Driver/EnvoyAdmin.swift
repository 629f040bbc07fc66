import Faults
import Foundation
import TextEncodings

/// What a running Envoy says about itself, and the few things it can be told, on its admin Unix socket.
package struct EnvoyAdmin: Sendable {
  package let socket: String
  /// Longest wait for one answer.
  private let timeout: Duration

  package init(socket: String, timeout: Duration = .seconds(5)) {
    self.socket = socket
    self.timeout = timeout
  }

  package enum Statistic: Hashable, Sendable {
    case number(Int)
    case text(String)
  }

  package struct Server: Hashable, Sendable, Decodable {
    /// "LIVE", "DRAINING", "PRE_INITIALIZING" or "INITIALIZING". LIVE says nothing about listeners: Envoy is LIVE
    /// with none at all when the first ones were rejected.
    package let state: String
    /// "<commit>/1.40.0/Clean/RELEASE/BoringSSL".
    package let version: String

    /// "1.40.0".
    package var release: String {
      version.split(separator: "/").dropFirst().first.map(String.init) ?? version
    }
  }

  package struct Memory: Hashable, Sendable {
    /// Bytes that Envoy's allocator has handed out.
    package let allocated: Int
    /// Bytes that the allocator holds.
    package let heap: Int
  }

  package func server() async throws -> Server { try await decode("/server_info") }

  package func memory() async throws -> Memory {
    struct Answer: Decodable {
      let allocated: String
      let heap_size: String
    }
    let answer: Answer = try await decode("/memory")
    return Memory(allocated: Int(answer.allocated) ?? 0, heap: Int(answer.heap_size) ?? 0)
  }

  /// Counters, gauges and texts whose whole name matches an RE2 expression; histograms are left out.
  package func statistics(matching expression: String) async throws -> [String: Statistic] {
    let query = "/stats?filter=" + percentEncoded("^(\(expression))$")
    return Self.statistics(in: try await AdminRequest(path: query).send(to: socket, timeout: timeout))
  }

  /// Refuses new streams on kept connections, so that clients come back to another process; connections in use go on.
  package func drain() async throws {
    _ = try await AdminRequest(isCommand: true, path: "/drain_listeners?graceful&skip_exit")
      .send(to: socket, timeout: timeout)
  }

  /// Opens the access logs anew, after whoever rotates them has renamed them.
  package func reopenLogs() async throws {
    _ = try await AdminRequest(isCommand: true, path: "/reopen_logs").send(to: socket, timeout: timeout)
  }

  /// Why listeners were rejected, by name; the rejected configuration itself stays with Envoy.
  ///
  /// Empty for a file that could not be read at all; clusters, routes and secrets say their reason in the log alone.
  func listenerErrors() async throws -> [String: String] {
    struct Answer: Decodable {
      struct Listener: Decodable {
        struct ErrorState: Decodable { let details: String? }
        let name: String?
        let error_state: ErrorState?
      }
      let configs: [Listener]?
    }
    let answer: Answer = try await decode("/config_dump?resource=dynamic_listeners&mask=name,error_state")
    let errors = (answer.configs ?? []).compactMap { listener in
      listener.error_state?.details.map { (listener.name ?? "", $0) }
    }
    return Dictionary(errors) { _, last in last }
  }

  /// Lines of `name: 12` and `name: "text"`.
  static func statistics(in text: String) -> [String: Statistic] {
    var statistics: [String: Statistic] = [:]
    for line in text.split(separator: "\n") {
      guard let colon = line.range(of: ": ") else { continue }
      let value = line[colon.upperBound...]
      if let number = Int(value) {
        statistics[String(line[..<colon.lowerBound])] = .number(number)
      } else if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") {
        statistics[String(line[..<colon.lowerBound])] = .text(String(value.dropFirst().dropLast()))
      }
    }
    return statistics
  }

  private func decode<Answer: Decodable>(_ path: String) async throws -> Answer {
    let text = try await AdminRequest(path: path).send(to: socket, timeout: timeout)
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
    } catch {
      throw Fault(
        .failed, operation: "read Envoy's answer to \(path)", reason: "it is not the JSON that Envoy 1.40 sends",
        remedy: "run the Envoy that scripts/setup installs", cause: error)
    }
  }
}
