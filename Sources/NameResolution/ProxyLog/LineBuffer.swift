/// Cuts a stream of bytes into lines, in bounded room: a line that is too long is passed over up to its end.
package struct LineBuffer {
  private let longest: Int
  private var partial: [UInt8] = []
  private var isPassingOver = false
  /// Lines that were passed over.
  package private(set) var tooLong = 0

  /// - Parameter longest: bytes of a line, without its end.
  package init(longest: Int) { self.longest = longest }

  /// Hands out the lines that the bytes complete, empty ones left out.
  package mutating func add(_ bytes: ArraySlice<UInt8>, _ line: (ArraySlice<UInt8>) -> Void) {
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      take(rest[..<end])
      if !isPassingOver, !partial.isEmpty { line(partial[...]) }
      partial.removeAll(keepingCapacity: true)
      isPassingOver = false
      rest = rest[(end + 1)...]
    }
    take(rest)
  }

  /// What comes next begins a line.
  package mutating func reset() {
    partial.removeAll(keepingCapacity: true)
    isPassingOver = false
  }

  private mutating func take(_ part: ArraySlice<UInt8>) {
    guard !isPassingOver else { return }
    guard partial.count + part.count <= longest else {
      tooLong += 1
      isPassingOver = true
      partial.removeAll(keepingCapacity: true)
      return
    }
    partial += part
  }
}
