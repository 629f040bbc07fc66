import AgentModel
import Faults

/// Why the client got no certificate, and what to do about it: read from what it printed.
struct LegoFailure {
  private let text: String
  private let settings: PublicCertificateSettings
  /// Longest reason that is told; an authority may write what it likes.
  private static let longestReason = 700

  init(_ output: String, settings: PublicCertificateSettings) {
    text = output
    self.settings = settings
  }

  var fault: Fault {
    let (code, remedy) = diagnosis
    return Fault(
      code, operation: "get a certificate for \(settings.domains.map(\.description).joined(separator: ", "))",
      reason: reason, remedy: remedy)
  }

  /// The last line that it wrote with a time before it, without the time: "2026/11/25 00:51:02 Could not …"; and the
  /// indented lines that belong to it.
  var reason: String {
    var reason = ""
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let first = words.first else { continue }
      let isDated = first.count == 10 && first.split(separator: "/").count == 3
      if isDated {
        let message = words.dropFirst(2).joined(separator: " ")
        // What went on, not what went wrong.
        reason = message.hasPrefix("[INFO]") ? "" : message
      } else if !reason.isEmpty {
        reason += " " + words.joined(separator: " ")
      }
    }
    if reason.isEmpty { reason = text.split(whereSeparator: \.isWhitespace).suffix(40).joined(separator: " ") }
    if reason.isEmpty { return "lego ended without a word" }
    for phrase in ["Could not obtain certificates: ", "error: one or more domains had a problem: "]
    where reason.hasPrefix(phrase) {
      reason.removeFirst(phrase.count)
    }
    return reason.count > Self.longestReason ? "\(reason.prefix(Self.longestReason))…" : reason
  }

  /// What the text means, the more special signs first: the authority tells of its own connections in the words that the
  /// client has for its own.
  private var diagnosis: (Fault.Code, remedy: String) {
    let names = settings.domains.map(\.description).joined(separator: ", ")
    let directory = "--acme-directory (\(settings.directory))"
    let table: [(signs: [String], code: Fault.Code, remedy: String)] = [
      (
        ["acme:error:rateLimited", "too many certificates", "too many failed"], .exhausted,
        "wait: the authority counts over hours or days; it is asked again by itself"
      ),
      (
        ["acme:error:rejectedIdentifier", "acme:error:caa"], .denied,
        "ask for names that the authority certifies; a CAA record of the domain may name another authority"
      ),
      (
        ["acme:error:externalAccountRequired", "external account binding"], .unsupported,
        "take an authority that needs no external account binding"
      ),
      (
        ["acme:error:invalidContact", "acme:error:unsupportedContact"], .invalid,
        "give an address that the authority takes with --acme-email"
      ),
      (
        [
          "acme:error:incorrectResponse", "acme:error:connection", "acme:error:dns", "acme:error:unauthorized",
          "acme:error:tls",
        ], .denied,
        "let the DNS records of \(names) lead to this machine, and its port 80 be reached from the Internet"
      ),
      (
        ["x509: "], .denied,
        "name the file with the root that vouches for \(settings.directory) with --acme-ca, or correct --acme-directory"
      ),
      (
        [
          "no such host", "connection refused", "i/o timeout", "deadline exceeded", "Client.Timeout",
          "network is unreachable", "no route to host", "server misbehaving", ": EOF",
        ], .unavailable, "check \(directory), DNS, and that this machine reaches the authority by https"
      ),
      (["get directory at"], .invalid, "correct \(directory): there is no ACME directory"),
    ]
    let found = table.first { $0.signs.contains(where: text.contains) }
    return found.map { ($0.code, $0.remedy) } ?? (.failed, "see the reason; it is tried again by itself")
  }
}
