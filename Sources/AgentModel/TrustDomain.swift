/// The part of a SPIFFE id that names who issues identities (SPIFFE-ID §2.1): 1 to 255 of a-z, 0-9, '.', '-' and '_'.
package struct TrustDomain: ParsedText {
  package let description: String
  package static let rule = "a SPIFFE trust domain: 1 to 255 of a-z, 0-9, '.', '-' and '_'"

  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard (1...255).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
    description = text
  }

  private init(unchecked text: String) { description = text }

  package static let `default` = TrustDomain(unchecked: "lobstack.local")

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
      UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
