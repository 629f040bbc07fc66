import AgentModel

/// Who keeps checkpoints of the audit log, outside the platform's reach.
package enum WitnessAddress: Hashable, Sendable {
  /// Path of a file that is there already.
  case file(String)
  case syslog(SyslogAddress)
  case web(WebhookURL)
}

extension WitnessAddress: ParsedText {
  package static let rule =
    "file:PATH with an absolute path, syslog:/dev/log, syslog:udp://ADDRESS:PORT or \(WebhookURL.rule)"

  package init?(_ text: String) {
    let (file, syslog) = ("file:", "syslog:")
    if text.hasPrefix(file) {
      let path = String(text.dropFirst(file.count))
      guard path.hasPrefix("/"), path.utf8.count < 4_096, path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        return nil
      }
      self = .file(path)
    } else if text.hasPrefix(syslog) {
      guard let address = SyslogAddress(String(text.dropFirst(syslog.count))) else { return nil }
      self = .syslog(address)
    } else {
      guard let url = WebhookURL(text) else { return nil }
      self = .web(url)
    }
  }

  package var description: String {
    switch self {
    case .file(let path): "file:\(path)"
    case .syslog(let address): "syslog:\(address)"
    case .web(let url): "\(url)"
    }
  }
}
