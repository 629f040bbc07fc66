import AgentModel
import FoundationEssentials

extension AuditRecordResource {
  /// The record in ArcSight's Common Event Format, version 0, one line without its end.
  package var cefLine: String {
    let header = [
      "CEF:0", "Lobstack", "Lobstack", LobstackVersion.current, action, "\(action) of \(target)",
      isRefusal ? "6" : "2",
    ].map { Self.escaped($0, "|", newline: " ") }
    let time = Int64((time.timeIntervalSince1970 * 1_000).rounded(.down))
    let details = details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
    let fields = [
      ("rt", "\(time)"), ("externalId", "\(index)"), ("suser", actor), ("act", action), ("outcome", outcome),
      ("cs1Label", "target"), ("cs1", target), ("cs2Label", "leafHash"), ("cs2", leafHash), ("cs3Label", "details"),
      ("cs3", details),
    ]
    return header.joined(separator: "|") + "|"
      + fields.map { "\($0.0)=\(Self.escaped($0.1, "=", newline: "\\n"))" }.joined(separator: " ")
  }

  /// Code point by code point: a sign with an accent is another `Character`, and still that sign to whoever reads it.
  private static func escaped(_ text: String, _ sign: Unicode.Scalar, newline: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case sign, "\\": line += "\\\(scalar)"
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": line += newline
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": line += " "
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }
}
