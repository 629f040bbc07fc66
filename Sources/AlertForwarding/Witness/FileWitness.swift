import AuditLog
import Dispatch
import Faults
import FoundationEssentials
import Glibc
import Synchronization

/// A file with a line of `WitnessedNote.line` for each checkpoint, on the disk before `keep` returns.
///
/// It has to be there: in place of a file on a disk that is not mounted none is made. Works on a thread of its own, since
/// what it lies on may be another machine that does not answer.
final class FileWitness: Witness {
  /// What is read back of a long file: more than a hundred checkpoints.
  private static let recent = 64 << 10
  private static let answerLimit = Duration.seconds(15)

  let path: String
  private let queue = DispatchQueue(label: "lobstack.witness.file")
  private let watch = DispatchQueue(label: "lobstack.witness.watch")
  private let isBusy = Mutex(false)

  init(path: String) { self.path = path }

  var address: WitnessAddress { .file(path) }

  func keep(_ note: String, at time: Date) async throws {
    let line = Array((try WitnessedNote.line(note, at: time) + "\n").utf8)
    try await answered { [path] in
      let file = try Self.open(path, O_RDWR | O_APPEND)
      defer { Glibc.close(file) }
      // After a line that was cut short, which then is one that cannot be read.
      let bytes = try Self.endsInLine(file, path) ? line : [UInt8(ascii: "\n")] + line
      let written = write(file, bytes, bytes.count)
      guard written == bytes.count else { throw Self.failure(path, written < 0 ? errno : ENOSPC) }
      guard fsync(file) == 0 else { throw Self.failure(path, errno) }
    }
  }

  func kept() async throws -> WitnessedNotes? {
    try await answered { [path] in
      let file = try Self.open(path, O_RDONLY)
      defer { Glibc.close(file) }
      let size = try Self.size(file, path)
      var bytes = [UInt8](repeating: 0, count: min(size, Self.recent))
      let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, off_t(size - $0.count)) }
      guard count == bytes.count else { throw Self.failure(path, count < 0 ? errno : EIO) }
      // What the first line began with was left out.
      let lines = size > bytes.count ? bytes.drop { $0 != UInt8(ascii: "\n") } : bytes[...]
      return WitnessedNotes(reading: lines, name: size > bytes.count ? "the end of \(path)" : path)
    }
  }

  func close() async {}

  /// What `body` says, or that it took too long; then nothing more is begun before it has ended.
  private func answered<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    let late = Fault(
      .timedOut, operation: "use \(path)", reason: "the file has not answered for \(Self.answerLimit)",
      remedy: "see what it lies on")
    let wasBusy = isBusy.withLock { busy in
      defer { busy = true }
      return busy
    }
    guard !wasBusy else { throw late }
    return try await withCheckedThrowingContinuation { continuation in
      let answer = FirstAnswer(continuation)
      queue.async { [self] in
        let result = Result(catching: body)
        isBusy.withLock { $0 = false }
        answer.give(result)
      }
      // By the machine's monotonic clock.
      watch.asyncAfter(deadline: .now() + .seconds(Int(Self.answerLimit.components.seconds))) {
        answer.give(.failure(late))
      }
    }
  }

  private static func open(_ path: String, _ flags: Int32) throws -> Int32 {
    let file = Glibc.open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { throw failure(path, errno) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Glibc.close(file)
      throw failure(path, EINVAL)
    }
    return file
  }

  private static func size(_ file: Int32, _ path: String) throws -> Int {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(path, errno) }
    return Int(status.st_size)
  }

  private static func endsInLine(_ file: Int32, _ path: String) throws -> Bool {
    let size = try size(file, path)
    guard size > 0 else { return true }
    var last: UInt8 = 0
    guard pread(file, &last, 1, off_t(size - 1)) == 1 else { throw failure(path, errno) }
    return last == UInt8(ascii: "\n")
  }

  private static func failure(_ path: String, _ code: Int32) -> Fault {
    Fault(
      .unavailable, operation: "keep a checkpoint in \(path)", reason: String(cString: strerror(code)).lowercased(),
      remedy: "let it be a regular file that user id \(geteuid()) may read and append to, on a disk with room")
  }
}

/// Of two answers to one question the first.
private final class FirstAnswer<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value, any Error>?>

  init(_ continuation: CheckedContinuation<Value, any Error>) { self.continuation = Mutex(continuation) }

  func give(_ answer: Result<Value, any Error>) {
    let waiting = continuation.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
    waiting?.resume(with: answer)
  }
}
