import Crypto

/// One file of the page that is served at `/dashboard/`.
package struct DashboardFile: Sendable {
  package let bytes: [UInt8]
  package let mediaType: String
  /// Of the content (RFC 9110 §8.8.3).
  package let entityTag: String

  private init(_ bytes: [UInt8], _ mediaType: String) {
    self.bytes = bytes
    self.mediaType = mediaType
    entityTag =
      "\"" + SHA256.hash(data: bytes).prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
  }

  private static func page(_ bytes: [UInt8]) -> Self { Self(bytes, "text/html; charset=utf-8") }
  private static func style(_ bytes: [UInt8]) -> Self { Self(bytes, "text/css; charset=utf-8") }
  private static func script(_ bytes: [UInt8]) -> Self { Self(bytes, "text/javascript; charset=utf-8") }
  private static func image(_ bytes: [UInt8]) -> Self { Self(bytes, "image/svg+xml") }

  /// - Returns: `nil` when there is no such file.
  package static func named(_ name: String) -> DashboardFile? { all[name] }

  package static let all: [String: DashboardFile] = [
    "index.html": page(PackageResources.index_html)
  ]
}
