/// Paths of which a path may be one, or lie below: the operand of `pmatch`. Their components may be glob patterns.
struct PathPrefixes: Sendable {
  private struct Component {
    var bytes: [UInt8]
    var isPattern: Bool
  }

  private let paths: [[Component]]

  init(_ paths: [[UInt8]]) {
    self.paths = paths.map { path in
      path.split(separator: UInt8(ascii: "/")).map { component in
        Component(bytes: Array(component), isPattern: component.contains { "?*[".utf8.contains($0) })
      }
    }
  }

  func match(_ path: UnsafeRawBufferPointer) -> Bool {
    for prefix in paths where Self.isPrefix(prefix, of: path) { return true }
    return false
  }

  private static func isPrefix(_ components: [Component], of path: UnsafeRawBufferPointer) -> Bool {
    let slash = UInt8(ascii: "/")
    var place = 0
    for component in components {
      while place < path.count, path[place] == slash { place += 1 }
      var end = place
      while end < path.count, path[end] != slash { end += 1 }
      guard end > place else { return false }
      let part = UnsafeRawBufferPointer(rebasing: path[place..<end])
      let isEqual = component.bytes.withUnsafeBytes {
        component.isPattern ? Glob.matches(part, pattern: $0) : compareBytes(part, $0) == 0
      }
      guard isEqual else { return false }
      place = end
    }
    return true
  }
}
