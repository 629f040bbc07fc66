import Faults
import Glibc
import SwiftASN1
import X509

/// A name that a server is reached by: a DNS name, or an IP address.
package struct ServerName: Hashable, Sendable, CustomStringConvertible {
  package let description: String
  private let address: [UInt8]?
  package static let rule = "a DNS name in lower case, without wildcard or final dot, or an IPv4 or IPv6 address"

  /// - Returns: `nil` when `text` breaks the rule.
  package init?(_ text: String) {
    if let address = Self.address(text) {
      self.address = address
    } else if Self.isDNSName(text) {
      address = nil
    } else {
      return nil
    }
    description = text
  }

  var generalName: GeneralName {
    address.map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) } ?? .dnsName(description)
  }

  private static func address(_ text: String) -> [UInt8]? {
    // C would stop reading at it.
    guard !text.utf8.contains(0) else { return nil }
    for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: size)
      if inet_pton(family, text, &bytes) == 1 { return bytes }
    }
    return nil
  }

  /// RFC 1123 §2.1. A last label of digits only would be taken for an address.
  private static func isDNSName(_ text: String) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, let last = labels.last, !last.allSatisfy(\.isNumber) else { return false }
    return labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
        && label.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
          default: false
          }
        }
    }
  }
}
