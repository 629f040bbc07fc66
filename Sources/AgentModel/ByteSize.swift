/// A number of bytes, written as a Kubernetes quantity: `512Mi`, `1Gi`, `2G`, `1048576`.
///
/// Whole numbers only, binary (Ki, Mi, Gi, Ti) and decimal (k, M, G, T) suffixes
/// (Kubernetes `resource.Quantity`, without fractions and exponents).
package struct ByteSize: ParsedText {
  package let bytes: Int64
  package static let rule = "a size: a whole number with an optional suffix Ki, Mi, Gi, Ti, k, M, G or T"

  private static let suffixes: [(String, Int64)] = [
    ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
    ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
  ]

  package init(bytes: Int64) { self.bytes = bytes }

  package init?(_ text: String) {
    var digits = Substring(text)
    var unit: Int64 = 1
    if let (suffix, factor) = Self.suffixes.first(where: { text.hasSuffix($0.0) }) {
      digits = digits.dropLast(suffix.count)
      unit = factor
    }
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int64(digits)
    else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    self.bytes = bytes
  }

  package var description: String {
    for (suffix, factor) in Self.suffixes[..<4].reversed() where bytes >= factor && bytes % factor == 0 {
      return "\(bytes / factor)\(suffix)"
    }
    return "\(bytes)"
  }

  package static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }
}
