import AgentModel
import CLinux
import ChildProcess
import Crypto
import Faults
import Foundation
import Glibc

/// What an agent prints, on a volume of its own whose files the kernel encrypts; sizes and times show.
///
/// Its key follows from that of the agent's workspace, so that what destroys the one destroys the other. It comes with a
/// start of the agent and stays in the kernel: the log of an agent that was stopped can be read, and after a restart of
/// the machine that of an agent that was not started since cannot.
struct EncryptedLog: Sendable {
  private let volume: LoopVolume
  private var directory: String { "\(volume.mountPoint)/log" }
  /// Where the output goes: there, with its key, once the log was mounted with one.
  var file: String { "\(directory)/agent.log" }

  /// What the kernel keeps its key under.
  private let keyName: String

  init(image: String, mountPoint: String, keyName: String) {
    self.keyName = keyName
    volume = LoopVolume(image: image, mountPoint: mountPoint, owner: 0, hasJournal: false, canEncrypt: true)
  }

  /// Mounts the log so that it can be written; makes it when it is not there.
  ///
  /// - Parameters:
  ///   - isNew: whether the key is a new one, which opens nothing that is there.
  ///   - key: the workspace's; asked for only when the log's is not in the kernel.
  /// - Throws: `Fault(.denied)` for another key than the one it was made with; `Fault(.unsupported)` where the kernel
  ///   cannot encrypt; `Fault` of what else failed.
  func mount(size: ByteSize, isNew: Bool = false, key: @Sendable () async throws -> SecretValue) async throws {
    let isMade = try await volume.mount(size: size)
    switch try state {
    case .open where !isNew: break
    case .locked where !isNew: try unlock(with: try await key())
    default:
      // An earlier version's, which did not encrypt, or of a first start that was cut off. What is in it is lost: it is
      // in the clear or its key is gone, and only an empty directory can be encrypted.
      if !isMade { try await remake(size: size) }
      try makePrivateDirectory(directory)
      try unlock(with: try await key(), encrypting: true)
    }
    try makeFile()
  }

  /// Mounts what is there, to be read; after a restart of the machine without its key.
  func mountAsItIs(size: ByteSize) async throws {
    guard exists else { return }
    try await volume.mount(size: size)
    guard try state == .locked else { return }
    do { _ = try EncryptedDirectory(directory).addKept(keyName) } catch {
      // It comes with the agent's next start.
    }
  }

  var exists: Bool { FileManager.default.fileExists(atPath: volume.image) }

  /// Unmounts the log; done when it is not mounted. The kernel keeps the key, so that it can be read later.
  func unmount() async throws { try await volume.unmount() }

  /// Unmounts the log, after which the kernel has nothing of the key.
  func forget() async throws {
    try await unmount()
    // None is kept of an agent that never started.
    _ = lobstack_fscrypt_forget(keyName)
  }

  /// - Throws: `Fault(.unavailable)` when there is a log, and its key is not in the kernel.
  func requireReadable(of uid: AgentUID) throws {
    guard try state == .locked else { return }
    throw Fault(
      .unavailable, operation: "read the log of agent \(uid)",
      reason: "its log is encrypted, and the key comes with its next start",
      remedy: "start the agent with 'lobstack agent start'")
  }

  // MARK: The key

  /// HKDF (RFC 5869) of a random key that has no other use but to be gocryptfs's password: neither tells of the other.
  static func key(from workspaceKey: SecretValue) -> SymmetricKey {
    HKDF<SHA512>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: workspaceKey.bytes), info: Data("lobstack agent log 1".utf8),
      outputByteCount: EncryptedDirectory.keySize)
  }

  /// Gives the kernel the key, and reads back that it is the one that is needed.
  private func unlock(with secret: SecretValue, encrypting: Bool = false) throws {
    let (given, needed): (EncryptedDirectory.Identifier, EncryptedDirectory.Identifier?)
    do {
      let opened = try EncryptedDirectory(directory)
      given = try opened.add(Self.key(from: secret))
      if encrypting { try opened.encrypt(given) }
      needed = try opened.policy
    } catch {
      throw failure(error.code)
    }
    // Where the kernel keeps none, the log of a stopped agent waits for its next start, as after a restart of the machine.
    try? EncryptedDirectory.keep(Self.key(from: secret), as: keyName)
    guard needed == given else {
      throw Fault(
        .denied, operation: "open the log at \(volume.image)", reason: "it was made with another key",
        remedy: "restore the agent's directory and the secrets manager from the same time, or delete the agent")
    }
  }

  /// Proves that the kernel has the ciphers too, which it looks for only now.
  private func makeFile() throws {
    let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw failure(errno) }
    close(descriptor)
  }

  // MARK: What is there

  private enum State { case plain, locked, open }

  private var state: State {
    get throws {
      do {
        let opened = try EncryptedDirectory(directory)
        guard let identifier = try opened.policy else { return .plain }
        return try opened.hasKey(identifier) ? .open : .locked
      } catch {
        if error.code == ENOENT { return .plain }
        throw failure(error.code)
      }
    }
  }

  private func remake(size: ByteSize) async throws {
    // Lazily: somebody may be reading it.
    try await Command("umount", ["--lazy", volume.mountPoint]).check()
    guard unlink(volume.image) == 0 else { throw failure(errno) }
    try await volume.mount(size: size)
  }

  private func failure(_ code: Int32) -> Fault {
    let isUnsupported = EncryptedDirectory.Failure(code: code).isUnsupported || code == ENOPKG
    let reason =
      switch code {
      case ENOTTY, EOPNOTSUPP: "this kernel has no fscrypt for ext4 (CONFIG_FS_ENCRYPTION)"
      case ENOPKG: "this kernel has no AES-256-XTS or AES-256-CTS (CONFIG_CRYPTO_XTS, CONFIG_CRYPTO_CTS)"
      case EINVAL: "it is encrypted in another way than this version does it, or not as the kernel allows it"
      default: String(cString: strerror(code))
      }
    return Fault(
      isUnsupported ? .unsupported : .failed, operation: "open the log at \(volume.image)", reason: reason,
      remedy: isUnsupported ? "use Linux 5.4 or newer with it" : "mend the file system, and start the agent again")
  }
}
