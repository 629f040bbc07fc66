import Faults
import Files
import Glibc

/// Reads what is added to a file, across its renaming (the rest of the old one, then the new one from its start) and
/// its shortening.
///
/// Nothing remembers across a restart how far it read: what stood in the file at the first look was told before.
struct FollowedFile: ~Copyable {
  /// Bytes of one look, so that a fast writer does not hold the reader for ever; the rest waits in the file.
  private static let mostPerLook = 4 << 20

  private let path: String
  private var descriptor: Int32 = -1
  private var offset: Int64 = 0
  private var isFirstLook = true
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  /// - Parameter path: of a file that need not be there yet.
  init(path: String) { self.path = path }

  deinit { if descriptor >= 0 { close(descriptor) } }

  enum Part {
    case bytes(ArraySlice<UInt8>)
    /// What follows is another file's.
    case start
  }

  /// Hands out what came since the last look.
  ///
  /// - Throws: `Fault(.failed)` when the file is there and cannot be read.
  mutating func look(_ part: (Part) -> Void) throws {
    var room = Self.mostPerLook
    defer { isFirstLook = false }
    if descriptor < 0, try !open() { return }
    while try read(&room, part), room > 0, try isReplaced() {
      // Whoever renamed the file may have written to it after the last read and before the rename took effect.
      guard try read(&room, part), room > 0 else { return }
      close(descriptor)
      descriptor = -1
      part(.start)
      if try !open() { return }
    }
  }

  /// - Returns: whether the file is there.
  private mutating func open() throws -> Bool {
    let opened = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard opened >= 0 else {
      if errno == ENOENT { return false }
      throw fault(String(cString: strerror(errno)))
    }
    guard let status = FileStatus(descriptor: opened), status.isRegular else {
      close(opened)
      throw fault("it is no file")
    }
    descriptor = opened
    offset = isFirstLook ? Int64(status.size) : 0
    return true
  }

  /// - Returns: whether it read to the end.
  private mutating func read(_ room: inout Int, _ part: (Part) -> Void) throws -> Bool {
    guard let status = FileStatus(descriptor: descriptor) else { throw fault(String(cString: strerror(errno))) }
    if Int64(status.size) < offset {
      offset = 0
      part(.start)
    }
    while room > 0 {
      let count = pread(descriptor, &buffer, buffer.count, off_t(offset))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw fault(String(cString: strerror(errno))) }
      guard count > 0 else { return true }
      offset += Int64(count)
      room -= count
      part(.bytes(buffer.prefix(count)))
    }
    return false
  }

  /// Whether another file took the name.
  private func isReplaced() throws -> Bool {
    // A name that is gone for a moment, as in the middle of a rotation, is looked at again next time.
    guard let named = FileStatus(following: path), let opened = FileStatus(descriptor: descriptor) else { return false }
    return named.inode != opened.inode || named.device != opened.device
  }

  private func fault(_ reason: String) -> Fault {
    Fault(
      .failed, operation: "read \(path)", reason: reason,
      remedy: "let the sentinel's user read the file, and search the directory that it is in")
  }
}
