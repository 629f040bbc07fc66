import AuditLog
import Faults
import FoundationEssentials
import Glibc

/// Somebody who keeps checkpoints of the audit log.
package protocol Witness: Sendable {
  var address: WitnessAddress { get }

  /// Returns when the witness has it, as far as that can be known.
  ///
  /// - Parameter note: a signed checkpoint.
  func keep(_ note: String, at time: Date) async throws
  /// The newest that it kept; `nil` when it gives nothing back.
  func kept() async throws -> WitnessedNotes?
  /// Lets go of what deliveries needed. Another delivery may follow.
  func close() async
}

extension WitnessSettings {
  /// - Throws: `Fault` naming the file of the secret when it cannot be used.
  package func witnesses() throws -> [any Witness] {
    let option = "--audit-witness"
    return try addresses.map { address in
      switch address {
      case .file(let path): return FileWitness(path: path)
      case .syslog(let server):
        return SyslogWitness(Syslog(address: server, what: "a checkpoint", option: option))
      case .web(let url):
        guard let secretFile else {
          throw Fault(
            .invalid, operation: "use \(option) \(url)", reason: "requests would not be signed",
            remedy: "give \(option)-secret-file")
        }
        return WebWitness(
          SignedPost(url, secret: try WebhookSecret(file: secretFile), what: "a checkpoint", option: option))
      }
    }
  }
}

/// A syslog server: each checkpoint is a message with `WitnessedNote.line`.
struct SyslogWitness: Witness {
  /// "Notice" (RFC 5424, table 2).
  private static let severity = 5

  private let syslog: Syslog

  init(_ syslog: Syslog) { self.syslog = syslog }

  var address: WitnessAddress { .syslog(syslog.address) }

  func keep(_ note: String, at time: Date) async throws {
    let header = Syslog.header(
      severity: Self.severity, time: time.ISO8601Format(), host: Self.hostName, process: getpid(), kind: "checkpoint")
    try syslog.send(Array((header + (try WitnessedNote.line(note, at: time))).utf8))
  }

  func kept() async throws -> WitnessedNotes? { nil }

  func close() async {}

  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    // Without a name the header says that it is not known.
    _ = gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// A web server: each checkpoint is posted as it is, signed.
struct WebWitness: Witness {
  private let server: SignedPost

  init(_ server: SignedPost) { self.server = server }

  var address: WitnessAddress { .web(server.url) }

  func keep(_ note: String, at time: Date) async throws {
    try await server.post(Array(note.utf8), type: "text/plain; charset=utf-8")
  }

  func kept() async throws -> WitnessedNotes? { nil }

  func close() async { await server.close() }
}
