/// Paths of which a path may be one, or lie below: the operand of `pmatch`. Their components may be glob patterns.
final class PathPrefixes: Sendable {
  private struct Entry {
    var offset: Int32
    var length: Int32
  }

  /// Paths without patterns, each component with a slash before it.
  private let plain: FlatBuffer<Entry>
  private let pool: FlatBuffer<UInt8>
  /// Components of paths with patterns.
  private let patterns: [[[UInt8]]]

  init(_ paths: [[UInt8]]) {
    var plain: [Entry] = []
    var pool: [UInt8] = []
    var patterns: [[[UInt8]]] = []
    for path in paths {
      let components = path.split(separator: UInt8(ascii: "/")).map(Array.init)
      if components.contains(where: { $0.contains { "?*[".utf8.contains($0) } }) {
        patterns.append(components)
      } else {
        let start = pool.count
        for component in components { pool += [UInt8(ascii: "/")] + component }
        plain.append(Entry(offset: Int32(start), length: Int32(pool.count - start)))
      }
    }
    self.plain = FlatBuffer(plain)
    self.pool = FlatBuffer(pool)
    self.patterns = patterns
  }

  func match(_ path: UnsafeRawBufferPointer) -> Bool {
    guard Self.isPlain(path) else { return matchByComponents(path) }
    for index in 0..<plain.count {
      let entry = plain[index]
      let prefix = pool.bytes(Int(entry.offset), Int(entry.length))
      guard hasPrefix(path, prefix) else { continue }
      if path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/") { return true }
    }
    return !patterns.isEmpty && matchPatterns(path)
  }

  /// Whether each component of a path has exactly one slash before it.
  private static func isPlain(_ path: UnsafeRawBufferPointer) -> Bool {
    let slash = UInt8(ascii: "/")
    guard path.first == slash, path.last != slash || path.count == 1 else { return false }
    var previous: UInt8 = 0
    for byte in path {
      if byte == slash, previous == slash { return false }
      previous = byte
    }
    return true
  }

  /// With slashes as they should be.
  private func matchByComponents(_ path: UnsafeRawBufferPointer) -> Bool {
    var tidy: [UInt8] = []
    for component in path.split(separator: UInt8(ascii: "/")) { tidy += [UInt8(ascii: "/")] + component }
    if tidy.isEmpty { tidy = [UInt8(ascii: "/")] }
    return tidy.withUnsafeBytes { match($0) }
  }

  private func matchPatterns(_ path: UnsafeRawBufferPointer) -> Bool {
    let components = path.split(separator: UInt8(ascii: "/"))
    return patterns.contains { pattern in
      pattern.count <= components.count
        && zip(pattern, components).allSatisfy { wanted, component in
          wanted.withUnsafeBytes { Glob.matches(UnsafeRawBufferPointer(rebasing: component), pattern: $0) }
        }
    }
  }
}
