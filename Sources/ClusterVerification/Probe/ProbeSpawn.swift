import Foundation
import Glibc

/// Programs that a probe brings along, because its image has no others: what matters is what they are called, and that
/// they are processes.
enum TinyProgram {
  /// Ends at once, with 0.
  case end
  /// Waits for a signal.
  case wait

  /// An ELF file for x86-64, of which the image is.
  var file: [UInt8] {
    let code: [UInt8] =
      switch self {
      // xor edi, edi; mov eax, 60 (exit); syscall
      case .end: [0x31, 0xFF, 0xB8, 60, 0, 0, 0, 0x0F, 0x05]
      // mov eax, 34 (pause); syscall; jmp to the beginning
      case .wait: [0xB8, 34, 0, 0, 0, 0x0F, 0x05, 0xEB, 0xF7]
      }
    func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
      withUnsafeBytes(of: number.littleEndian, Array.init)
    }
    let (base, headers) = (UInt64(0x40_0000), UInt64(64 + 56))
    let size = headers + UInt64(code.count)
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    file += little(UInt16(2)) + little(UInt16(62)) + little(UInt32(1))
    file += little(base + headers) + little(UInt64(64)) + little(UInt64(0))
    file += little(UInt32(0)) + little(UInt16(64)) + little(UInt16(56)) + little(UInt16(1))
    file += [UInt8](repeating: 0, count: 6)
    // One segment, to be read and executed.
    file += little(UInt32(1)) + little(UInt32(5)) + little(UInt64(0)) + little(base) + little(base)
    file += little(size) + little(size) + little(UInt64(0x1000))
    return file + code
  }

  /// Writes it.
  ///
  /// - Returns: what kept it from being written.
  func write(to path: String) -> String? {
    unlink(path)
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o700)
    guard descriptor >= 0 else { return ProbeSocket.error }
    defer { close(descriptor) }
    let bytes = file
    return Glibc.write(descriptor, bytes, bytes.count) == bytes.count ? nil : ProbeSocket.error
  }
}

/// A program that runs beside the probe.
struct ProbeSpawn {
  let process: pid_t

  /// - Returns: the number of the error when it did not start.
  static func start(_ path: String, _ arguments: [String] = []) -> Result<ProbeSpawn, SpawnError> {
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, path, nil, nil, &words, environ)
    return code == 0 ? .success(ProbeSpawn(process: process)) : .failure(SpawnError(code: code))
  }

  /// Waits until it has ended.
  func end() {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
  }

  struct SpawnError: Error, CustomStringConvertible {
    let code: Int32
    var description: String { String(cString: strerror(code)) }
  }
}
