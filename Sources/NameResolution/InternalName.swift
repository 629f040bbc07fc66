import AgentModel

/// One of the platform's own names for agents: `api.lobstack.internal`, or a host with a credential followed by
/// `.lobstack.internal`.
package struct InternalName: ParsedText {
  package let description: String
  package static let rule =
    "a name below \(HostPattern.internalSuffix): at most 253 bytes, labels of a-z, 0-9 and '-'"
  /// Of a whole name, in bytes, as text without a final dot (RFC 1035 §2.3.4).
  private static let longest = 253

  package init?(_ text: String) {
    let suffix = "." + HostPattern.internalSuffix
    guard text.utf8.count <= Self.longest, text.hasSuffix(suffix) else { return nil }
    let labels = text.dropLast(suffix.count).split(separator: ".", omittingEmptySubsequences: false)
    guard labels.allSatisfy({ isDNSLabel(String($0)) }) else { return nil }
    description = text
  }
}
