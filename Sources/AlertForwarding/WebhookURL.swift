import AgentModel

/// Where alerts are posted to: https only, but for a collector on this machine.
package struct WebhookURL: ParsedText {
  package let description: String
  package static let rule = "an https URL, or one of http://127.0.0.1, http://[::1] and http://localhost"

  package init?(_ text: String) {
    guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), !text.contains("#") else {
      return nil
    }
    let (secure, plain) = ("https://", "http://")
    let isSecure = text.hasPrefix(secure)
    guard isSecure || text.hasPrefix(plain) else { return nil }
    let place = text.dropFirst(isSecure ? secure.count : plain.count)
    let authority = place.prefix { $0 != "/" && $0 != "?" }
    guard !authority.isEmpty, !authority.contains("@") else { return nil }
    guard isSecure || Self.isThisMachine(authority) else { return nil }
    description = text
  }

  /// Only the host decides: "127.0.0.1.example.org" is somebody else's.
  private static func isThisMachine(_ authority: Substring) -> Bool {
    ["127.0.0.1", "[::1]", "localhost"].contains { host in
      guard authority.hasPrefix(host) else { return false }
      let rest = authority.dropFirst(host.count)
      return rest.isEmpty || (rest.hasPrefix(":") && rest.dropFirst().allSatisfy(\.isNumber))
    }
  }
}
