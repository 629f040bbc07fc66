/// Paths as programs pass them to the guest's kernel.
enum GuestPath {
  /// Joins a path with the directory that it is relative to, and takes out `.`, `..` and doubled slashes; links are not
  /// resolved, since only the guest could.
  static func resolve(
    _ path: UnsafeRawBufferPointer, in directory: UnsafeRawBufferPointer, into result: inout [UInt8]
  ) {
    result.removeAll(keepingCapacity: true)
    if path.first != UInt8(ascii: "/") { add(directory, to: &result) }
    add(path, to: &result)
    if result.isEmpty { result.append(UInt8(ascii: "/")) }
  }

  private static func add(_ path: UnsafeRawBufferPointer, to result: inout [UInt8]) {
    let slash = UInt8(ascii: "/")
    let dot = UInt8(ascii: ".")
    var place = 0
    while place < path.count {
      while place < path.count, path[place] == slash { place += 1 }
      var end = place
      while end < path.count, path[end] != slash { end += 1 }
      let length = end - place
      if length == 2, path[place] == dot, path[place + 1] == dot {
        while let last = result.popLast(), last != slash {}
      } else if length > 0, !(length == 1 && path[place] == dot) {
        result.append(slash)
        result.append(contentsOf: path[place..<end])
      }
      place = end
    }
  }

  static func baseName(_ path: some BidirectionalCollection<UInt8>) -> [UInt8] {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return Array(path) }
    return Array(path[path.index(after: slash)...])
  }
}
