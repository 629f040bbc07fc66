import Glibc

/// Reads a file below /proc or /sys to its end.
///
/// The kernel gives such a file in pieces and has no size for it. Foundation takes the first piece, at most a page, for
/// the whole, without an error: half a table of mounts, and a socket that is not seen.
///
/// - Throws: `KernelFileFailure` when it cannot be opened or read.
package func kernelFile(_ path: String) throws(KernelFileFailure) -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw KernelFileFailure(path: path, code: errno) }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = read(descriptor, &piece, piece.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { throw KernelFileFailure(path: path, code: errno) }
    guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
    bytes += piece[..<count]
  }
}

/// Why a file of the kernel could not be read.
package struct KernelFileFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let path: String
  /// errno(3).
  package let code: Int32

  package var description: String { "\(path): \(String(cString: strerror(code)))" }
}
