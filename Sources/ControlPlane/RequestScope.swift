import Logging

/// The request that the running task answers: log lines and audit records of it bear its id.
package enum RequestScope {
  @TaskLocal static var id: String?

  /// For log handlers.
  package static let metadata = Logger.MetadataProvider { id.map { ["request.id": .string($0)] } ?? [:] }

  /// The id that the gateway gave a request; `nil` for what it gives none of.
  static func id(from header: String?) -> String? {
    guard let header, (1...64).contains(header.utf8.count), header.utf8.allSatisfy(isOfID) else { return nil }
    return header
  }

  private static func isOfID(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
