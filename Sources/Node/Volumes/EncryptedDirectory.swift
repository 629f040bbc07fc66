import CLinux
import Crypto
import Glibc

/// A directory of ext4 whose files the kernel encrypts (fscrypt): contents are AES-256-XTS, names AES-256-CTS.
///
/// The file system has the key from when it is given it until it is unmounted; nobody reads it back.
struct EncryptedDirectory: ~Copyable {
  /// What the kernel calls a key: it follows from the key, and tells nothing of it.
  typealias Identifier = [UInt8]

  static let keySize = Int(LOBSTACK_FSCRYPT_KEY_SIZE)

  /// errno(3) of what the kernel did not do.
  struct Failure: Error {
    let code: Int32

    /// Neither the kernel nor this file system encrypts anything.
    var isUnsupported: Bool { code == ENOTTY || code == EOPNOTSUPP }
  }

  private let descriptor: Int32

  init(_ path: String) throws(Failure) {
    let opened = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard opened >= 0 else { throw Failure(code: errno) }
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// Which key its files need; `nil` when they are not encrypted.
  ///
  /// - Throws: `Failure(EINVAL)` when they are encrypted in another way than `encrypt` does it.
  var policy: Identifier? {
    get throws(Failure) {
      var identifier = Self.emptyIdentifier
      if lobstack_fscrypt_get_policy(descriptor, &identifier) == 0 { return identifier }
      let failure = Failure(code: errno)
      if failure.code == ENODATA || failure.isUnsupported { return nil }
      throw failure
    }
  }

  func hasKey(_ identifier: Identifier) throws(Failure) -> Bool {
    let result = lobstack_fscrypt_has_key(descriptor, identifier)
    guard result >= 0 else { throw Failure(code: errno) }
    return result == 1
  }

  /// Gives the file system a key of `keySize` bytes; done when it has it.
  func add(_ key: SymmetricKey) throws(Failure) -> Identifier {
    guard key.bitCount == Self.keySize * 8 else { throw Failure(code: EINVAL) }
    var identifier = Self.emptyIdentifier
    let code = key.withUnsafeBytes { bytes -> Int32 in
      let result = lobstack_fscrypt_add_key(
        descriptor, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), &identifier)
      return result == 0 ? 0 : errno
    }
    guard code == 0 else { throw Failure(code: code) }
    return identifier
  }

  /// Gives the file system the key that `keep` was given; done when it has it.
  ///
  /// - Throws: `Failure(ENOKEY)` when none is kept.
  func addKept(_ name: String) throws(Failure) -> Identifier {
    var identifier = Self.emptyIdentifier
    guard lobstack_fscrypt_add_kept(descriptor, name, &identifier) == 0 else { throw Failure(code: errno) }
    return identifier
  }

  /// The kernel keeps the key in memory, past an unmounting, until it is forgotten or the machine restarts.
  ///
  /// - Throws: `Failure` where the kernel keeps no such keys (before 5.6), or root may not give it one.
  static func keep(_ key: SymmetricKey, as name: String) throws(Failure) {
    let code = key.withUnsafeBytes { bytes -> Int32 in
      lobstack_fscrypt_keep(name, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)) == 0 ? 0 : errno
    }
    guard code == 0 else { throw Failure(code: code) }
  }

  /// What is made in it from now on is encrypted; it has to be empty.
  func encrypt(_ identifier: Identifier) throws(Failure) {
    guard lobstack_fscrypt_set_policy(descriptor, identifier) == 0 else { throw Failure(code: errno) }
  }

  private static var emptyIdentifier: Identifier {
    Identifier(repeating: 0, count: Int(LOBSTACK_FSCRYPT_IDENTIFIER_SIZE))
  }
}
