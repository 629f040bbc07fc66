/// The hosts that one egress rule opens: a DNS name, or `*.` before a name for exactly the names below it.
///
/// Refused on purpose, because nobody who reviews a rule sees what they reach: patterns as wide as `*` or `*.com`,
/// addresses in any notation, ports, names beyond ASCII and their punycode (`xn--`), and the platform's own names.
package struct HostPattern: ParsedText {
  package let description: String
  package static let rule =
    "a DNS name such as api.example.com, or *.example.com: lower-case letters, digits and '-', at most 16 labels, "
    + "no address, no port, no punycode, no wildcard over a whole top-level domain"
  /// The names under which agents reach the platform and the hosts with a credential.
  package static let internalSuffix = "lobstack.internal"
  private static let mostLabels = 16
  private static let longest = 253

  package init?(_ text: String) {
    let isWildcard = text.hasPrefix("*.")
    let name = isWildcard ? String(text.dropFirst(2)) : text
    let labels = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard name.utf8.count <= Self.longest, (2...Self.mostLabels).contains(labels.count) else { return nil }
    guard labels.allSatisfy({ isDNSLabel($0) && !$0.hasPrefix("xn--") }), let top = labels.last else { return nil }
    // A last label of letters only: no dotted, decimal, octal or hexadecimal address can look like that.
    guard top.utf8.count >= 2, top.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) else {
      return nil
    }
    guard !["internal", "local", "localhost", "arpa", "onion", "invalid"].contains(top) else { return nil }
    description = text
  }

  package var isWildcard: Bool { description.hasPrefix("*.") }

  /// The name itself; for a wildcard the name that all matches end with.
  package var name: String { isWildcard ? String(description.dropFirst(2)) : description }

  /// - Parameter host: a name in lower case, without a final dot.
  package func matches(_ host: String) -> Bool {
    isWildcard ? host.hasSuffix("." + name) && host.utf8.count > name.utf8.count + 1 : host == name
  }

  /// Whether some name matches both.
  package func overlaps(_ other: HostPattern) -> Bool {
    if self == other { return true }
    switch (isWildcard, other.isWildcard) {
    case (false, false): return false
    case (true, false): return matches(other.name)
    case (false, true): return other.matches(name)
    case (true, true): return name.hasSuffix("." + other.name) || other.name.hasSuffix("." + name)
    }
  }
}
