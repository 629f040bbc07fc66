import FoundationEssentials

extension AuditRecordResource {
  /// The record in ArcSight's Common Event Format, version 0, one line without its end.
  package var cefLine: String {
    let header = [
      "CEF:0", "Lobstack", "Lobstack", LobstackVersion.current, action, "\(action) of \(target)",
      isRefusal ? "6" : "2",
    ].map(Self.escapedHeader)
    let time = Int64((time.timeIntervalSince1970 * 1_000).rounded(.down))
    let details = details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
    let fields = [
      ("rt", "\(time)"), ("externalId", "\(index)"), ("suser", actor), ("act", action), ("outcome", outcome),
      ("cs1Label", "target"), ("cs1", target), ("cs2Label", "leafHash"), ("cs2", leafHash), ("cs3Label", "details"),
      ("cs3", details),
    ]
    return header.joined(separator: "|") + "|"
      + fields.map { "\($0.0)=\(Self.escapedValue($0.1))" }.joined(separator: " ")
  }

  /// In the header a pipe and a backslash are escaped, and there are no lines.
  private static func escapedHeader(_ text: String) -> String {
    oneLine(text.replacing("\\", with: "\\\\").replacing("|", with: "\\|"), newline: " ")
  }

  /// In the extension an equals sign and a backslash are escaped, and ends of lines are written as "\n".
  private static func escapedValue(_ text: String) -> String {
    oneLine(text.replacing("\\", with: "\\\\").replacing("=", with: "\\="), newline: "\\n")
  }

  private static func oneLine(_ text: String, newline: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": line += newline
      case "\u{0}"..."\u{1F}", "\u{7F}": line += " "
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }
}
