import Crypto
import Faults
import FoundationEssentials
import SwiftASN1
import X509

/// What an authority takes back of what it issued: a certificate revocation list (RFC 5280 §5) in DER.
package struct RevocationList: Hashable, Sendable, CustomStringConvertible {
  package let der: [UInt8]
  package let thisUpdate: Date
  /// When another one is there at the latest.
  package let nextUpdate: Date
  package let count: Int
  /// How long one is good for.
  static let life: TimeInterval = 7 * 86400

  /// A certificate that is not to be believed any more.
  struct Entry: Hashable, Sendable {
    let serial: Certificate.SerialNumber
    let time: Date
  }

  init(_ entries: [Entry], number: Int64, by issuer: Intermediate, at time: Date) throws {
    thisUpdate = time.wholeSeconds
    nextUpdate = min(thisUpdate + Self.life, issuer.validity.notAfter)
    count = entries.count
    do {
      let body = try Self.body(entries, number: number, issuer: issuer, from: thisUpdate, until: nextUpdate)
      let signature = try issuer.key.signature(for: body)
      var serializer = DER.Serializer()
      try serializer.appendConstructedNode(identifier: .sequence) { list in
        list.serializeRawBytes(body)
        try Self.appendAlgorithm(to: &list)
        try list.serialize(ASN1BitString(bytes: Array(signature.derRepresentation)[...]))
      }
      der = serializer.serializedBytes
    } catch {
      throw Fault.wrap(error, operation: "make a revocation list", remedy: "report this as a bug")
    }
  }

  package var description: String { "\(count) revoked, until \(nextUpdate.ISO8601Format())" }

  // MARK: Encoding

  private static func body(
    _ entries: [Entry], number: Int64, issuer: Intermediate, from thisUpdate: Date, until nextUpdate: Date
  ) throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.appendConstructedNode(identifier: .sequence) { list in
      try list.serialize(1)  // version 2
      try appendAlgorithm(to: &list)
      try list.serialize(issuer.certificate.subject)
      try append(thisUpdate, to: &list)
      try append(nextUpdate, to: &list)
      // Absent, not empty, when there is none (§5.1.2.6).
      if !entries.isEmpty {
        try list.appendConstructedNode(identifier: .sequence) { revoked in
          for entry in entries { try append(entry, to: &revoked) }
        }
      }
      try list.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { tagged in
        try tagged.appendConstructedNode(identifier: .sequence) { extensions in
          try append([2, 5, 29, 35], to: &extensions) { value in
            value.appendConstructedNode(identifier: .sequence) { key in
              key.appendPrimitiveNode(identifier: ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)) {
                $0.append(contentsOf: issuer.keyIdentifier)
              }
            }
          }
          try append([2, 5, 29, 20], to: &extensions) { try $0.serialize(number) }
        }
      }
    }
    return serializer.serializedBytes
  }

  private static func append(_ entry: Entry, to revoked: inout DER.Serializer) throws {
    try revoked.appendConstructedNode(identifier: .sequence) { node in
      node.appendPrimitiveNode(identifier: .integer) { bytes in
        // Positive, and in as few bytes as it takes.
        let digits = entry.serial.bytes.drop { $0 == 0 }
        if digits.first.map({ $0 >= 0x80 }) ?? true { bytes.append(0) }
        bytes.append(contentsOf: digits)
      }
      try append(entry.time, to: &node)
    }
  }

  private static func append(
    _ oid: ASN1ObjectIdentifier, to extensions: inout DER.Serializer, value: (inout DER.Serializer) throws -> Void
  ) throws {
    var inner = DER.Serializer()
    try value(&inner)
    try extensions.appendConstructedNode(identifier: .sequence) { node in
      try node.serialize(oid)
      try node.serialize(ASN1OctetString(contentBytes: inner.serializedBytes[...]))
    }
  }

  /// ecdsa-with-SHA256, which has no parameters (RFC 5758 §3.2).
  private static func appendAlgorithm(to list: inout DER.Serializer) throws {
    try list.appendConstructedNode(identifier: .sequence) { node in
      try node.serialize([1, 2, 840, 10045, 4, 3, 2] as ASN1ObjectIdentifier)
    }
  }

  /// In the short form until 2049 (§5.1.2.4).
  private static func append(_ time: Date, to list: inout DER.Serializer) throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: time)
    let (year, month, day) = (parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
    let (hours, minutes, seconds) = (parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
    if year < 2050 {
      try list.serialize(
        UTCTime(year: year, month: month, day: day, hours: hours, minutes: minutes, seconds: seconds))
    } else {
      try list.serialize(
        GeneralizedTime(
          year: year, month: month, day: day, hours: hours, minutes: minutes, seconds: seconds, fractionalSeconds: 0))
    }
  }
}

/// Where a certificate's revocation list is (RFC 5280 §4.2.1.13).
struct RevocationPoint: CertificateExtensionConvertible {
  let uri: String

  func makeCertificateExtension() throws -> Certificate.Extension {
    func tag(_ number: UInt) -> ASN1Identifier { ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific) }
    var serializer = DER.Serializer()
    serializer.appendConstructedNode(identifier: .sequence) { points in
      points.appendConstructedNode(identifier: .sequence) { point in
        point.appendConstructedNode(identifier: tag(0)) { name in
          name.appendConstructedNode(identifier: tag(0)) { names in
            names.appendPrimitiveNode(identifier: tag(6)) { $0.append(contentsOf: Array(uri.utf8)) }
          }
        }
      }
    }
    return Certificate.Extension(oid: [2, 5, 29, 31], critical: false, value: serializer.serializedBytes[...])
  }
}
