/// What a program is called.
enum ProgramName {
  /// Programs that are many: what they do depends on what they are called.
  private static let multiCall: Set<[UInt8]> = Set(
    ["busybox", "toybox", "coreutils", "sbase-box", "ubase-box"].map { Array($0.utf8) })

  /// The file's name, which cannot be made up; only for a program that goes by several names, and for a version of one,
  /// what it was called. Links are resolved in the path.
  static func of(binary: [UInt8], called argument: [UInt8]) -> [UInt8] {
    let file = GuestPath.baseName(binary)
    var called = GuestPath.baseName(argument)
    if called.first == UInt8(ascii: "-") { called.removeFirst() }
    guard !called.isEmpty, called.count <= 64 else { return file }
    // python3 of python3.11
    return multiCall.contains(file) || file.starts(with: called) ? called : file
  }
}
