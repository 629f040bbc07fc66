/// A line of the mount table.
package struct Mount: Hashable, Sendable {
  /// A device, a directory, or a name that the file system made up.
  package let source: String
  /// Where it is mounted.
  package let target: String
  /// "ext4", "fuse.gocryptfs".
  package let type: String

  /// - Parameter line: as in fstab(5); `nil` when it has too few fields.
  init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count > 2 else { return nil }
    source = Self.unescaped(fields[0])
    target = Self.unescaped(fields[1])
    type = Self.unescaped(fields[2])
  }

  /// The kernel writes the bytes that would break a line as \040, \011, \012 and \134 (getmntent(3)).
  private static func unescaped(_ field: Substring) -> String {
    guard field.contains("\\") else { return String(field) }
    var bytes: [UInt8] = []
    var rest = field.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3).map { $0 &- UInt8(ascii: "0") }
      if byte == UInt8(ascii: "\\"), digits.count == 3, digits[0] < 4, digits.allSatisfy({ $0 < 8 }) {
        bytes.append(digits[0] << 6 | digits[1] << 3 | digits[2])
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// What is mounted where this process is, in the order in which it was mounted.
///
/// - Throws: `KernelFileFailure` when the kernel does not tell.
package func mountTable() throws(KernelFileFailure) -> [Mount] { mountTable(try kernelFile("/proc/self/mounts")) }

/// - Parameter text: /proc/self/mounts (proc_pid_mounts(5)).
func mountTable(_ text: String) -> [Mount] { text.split(separator: "\n").compactMap(Mount.init(line:)) }
