import ChildProcess
import Faults

/// A client of TLS that shows whatever certificate it is given: OpenSSL's.
struct TLSClient: Sendable {
  enum Place: Sendable {
    case port(host: String, UInt16)
    case socket(String)

    fileprivate var arguments: [String] {
      switch self {
      case .port(let host, let port): ["-connect", "\(host.contains(":") ? "[\(host)]" : host):\(port)"]
      case .socket(let path): ["-unix", path]
      }
    }
  }

  /// Files with a chain of certificates and its key, PEM.
  struct Identity: Sendable, Hashable {
    let certificates: String
    let key: String
  }

  struct Answer: Sendable {
    /// What came over the connection.
    let text: String
    /// What OpenSSL said of it.
    let remarks: String

    /// Of an answer in HTTP/1; `nil` when none came.
    var status: Int? {
      let words = text.prefix(64).split(separator: " ")
      return words.first?.hasPrefix("HTTP/1.") == true ? words.dropFirst().first.flatMap { Int($0) } : nil
    }

    /// Why there was no answer, in OpenSSL's words.
    var reason: String {
      let line = remarks.split(separator: "\n").first { $0.contains("alert") || $0.contains("error:") }
      let reason = line.flatMap { $0.split(separator: ":").dropFirst(5).first ?? $0.split(separator: ":").last }
      return reason.map(String.init) ?? "the connection was closed"
    }
  }

  let place: Place
  /// File of the roots that have to vouch for the server, PEM.
  let roots: String
  var identity: Identity?
  var options: [String] = []

  /// Sends a request and reads until the server closes.
  ///
  /// - Throws: `NotTestable` without OpenSSL; `Fault(.timedOut)` when the server does not close.
  func exchange(_ request: String, timeout: Duration = .seconds(6)) async throws -> Answer {
    let arguments =
      ["s_client", "-quiet", "-CAfile", roots, "-verify_return_error"] + place.arguments + options
      + (identity.map { ["-cert", $0.certificates, "-cert_chain", $0.certificates, "-key", $0.key] } ?? [])
    let result = try await openSSL(arguments, input: request, timeout: timeout)
    return Answer(text: result.standardOutput, remarks: result.standardError)
  }

  /// A request in HTTP/1.1 that is closed after its answer.
  static func get(_ path: String, host: String, headers: [String] = []) -> String {
    (["GET \(path) HTTP/1.1", "Host: \(host)", "Connection: close"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
  }
}

/// Runs `openssl`.
///
/// - Throws: `NotTestable` without it; `Fault(.timedOut)`.
package func openSSL(_ arguments: [String], input: String = "", timeout: Duration = .seconds(10)) async throws
  -> CommandResult
{
  guard Command.locate("openssl") != nil else {
    throw NotTestable("the probes need openssl, which is not installed; install it with scripts/setup")
  }
  return try await Command("openssl", arguments).run(input: Array(input.utf8), timeout: timeout)
}

/// Speaks plain HTTP to a port.
///
/// - Parameter patience: seconds; one that neither answers nor closes by then has not been seen to refuse.
package func speakPlainly(
  to host: String, _ port: UInt16, path: String = "/healthz", patience: Double = 3
) async throws -> AttackOutcome {
  // A server that speaks first may close before it is asked.
  let request = "GET \(path) HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
  let script = "trap '' PIPE; exec 3<>/dev/tcp/\(host)/\(port) || exit 9; printf '\(request)' >&3; cat <&3"
  let result = try await Command("timeout", ["\(patience)", "bash", "-c", script]).run(timeout: .seconds(patience + 3))
  // An alert of TLS (RFC 8446 §5.1) is none.
  if !result.standardOutput.isEmpty, !result.standardOutput.utf8.starts(with: [21]) {
    return .succeeded(
      "an answer came: \(result.standardOutput.prefix(40).split(whereSeparator: \.isNewline).first ?? "")")
  }
  return switch result.status {
  // The end of the stream, or its reset.
  case .exited(0), .exited(1): .prevented("the connection was closed without an answer")
  case .exited(9): .unknown("there is no connection to \(host):\(port)")
  case .exited(124): .unknown("\(host):\(port) neither answers nor closes the connection within \(patience) s")
  default: .unknown("it could not be asked (exit code \(result.status.code))")
  }
}
