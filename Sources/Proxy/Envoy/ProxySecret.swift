import JSONValues

/// A credential that the proxy adds to requests. Printing one shows nothing of it.
///
/// What a request header can carry: 1 to 8192 visible ASCII characters, and spaces inside.
package struct ProxySecret: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  private let value: String
  package static let rule = "1 to 8192 visible ASCII characters, with spaces inside only"

  /// - Returns: `nil` when `value` breaks the rule.
  package init?(_ value: String) {
    let bytes = Array(value.utf8)
    guard (1...8192).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7e).contains($0) }), bytes.first != 0x20,
      bytes.last != 0x20
    else { return nil }
    self.value = value
  }

  package var description: String { "secret" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The one way out of the type: Envoy's generic `Secret`, which no dump and no log shows.
  package func resource(named name: String) -> JSON {
    .typed(
      "envoy.extensions.transport_sockets.tls.v3.Secret",
      ["name": .string(name), "generic_secret": ["secret": ["inline_string": .string(value)]]])
  }
}
