import Faults
import Foundation
import Glibc

/// The files on disk that one Envoy watches, and beside them the last set that it accepted as a whole.
///
/// A file is written under another name, and renamed: Envoy never sees half of one, which matters doubly for secrets,
/// since it prints a file that it cannot parse into its log. The accepted set is made of hard links: a rename gives
/// the live name to other bytes and leaves the linked ones as they are.
package struct EnvoyFiles: Hashable, Sendable {
  package let directory: String
  /// The group that Envoy runs as, which may read the files; `nil`: that of the directory when it passes its group on
  /// (setgid), else the writer's own.
  private let group: gid_t?
  /// What is there even when nobody asks for it, since Envoy does not start without.
  let base: FileSet

  /// - Parameter secretsOnly: The rest of this Envoy's configuration is in its bootstrap.
  package init(directory: String, group: gid_t? = nil, secretsOnly: Bool = false) {
    self.directory = directory
    self.group = group
    base = secretsOnly ? [:] : .empty
  }

  /// The files of an Envoy's bootstrap, for `lds_config` and `cds_config`.
  package func path(of source: EnvoyFile.Source) -> String { "\(directory)/\(source.path)" }

  /// Makes the directories, and the files without which Envoy does not start; takes away what an interrupted write
  /// left. To be called before Envoy starts.
  package func prepare() throws {
    for root in [directory, acceptedDirectory] {
      try makeDirectory(root)
      for kind in EnvoyFile.Kind.allCases {
        try makeDirectory("\(root)/\(kind.rawValue)")
        for name in try names(in: "\(root)/\(kind.rawValue)") where name.hasPrefix(".") {
          unlink("\(root)/\(kind.rawValue)/\(name)")
        }
      }
    }
    let present = try live()
    for (source, file) in base where present[source] == nil { try write(file, to: source) }
  }

  /// What is written, whether Envoy accepted it or not.
  func live() throws -> FileSet { try read(directory) }

  /// The last set that was accepted as a whole; `nil` when there was none.
  func accepted() throws -> FileSet? {
    access(completeMark, F_OK) == 0 ? try read(acceptedDirectory) : nil
  }

  func write(_ file: WrittenFile, to source: EnvoyFile.Source) throws {
    let path = path(of: source)
    let temporary = "\(directory)/\(source.kind.rawValue)/.\(source.name).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("create", temporary) }
    do {
      defer { close(descriptor) }
      try Self.write(Array(file.text.utf8), to: descriptor, path: temporary)
      if let group, fchown(descriptor, uid_t.max, group) != 0 { throw Self.failure("change the group of", temporary) }
      guard fchmod(descriptor, 0o640) == 0 else { throw Self.failure("change the mode of", temporary) }
      guard rename(temporary, path) == 0 else { throw Self.failure("rename to \(path)", temporary) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Envoy keeps what it read; only who subscribes later misses the file.
  func remove(_ source: EnvoyFile.Source) throws {
    guard unlink(path(of: source)) == 0 || errno == ENOENT else { throw Self.failure("remove", path(of: source)) }
  }

  /// Makes the live set the accepted one.
  func accept(_ live: FileSet, after old: FileSet?) throws {
    if let old, old == live { return }
    // A set that an interruption left half done counts for nothing.
    unlink(completeMark)
    for source in try read(acceptedDirectory).keys where live[source] == nil {
      unlink("\(acceptedDirectory)/\(source.path)")
    }
    for (source, file) in live where old?[source] != file {
      let kept = "\(acceptedDirectory)/\(source.path)"
      unlink(kept)
      guard link(path(of: source), kept) == 0 else { throw Self.failure("link to \(kept)", path(of: source)) }
    }
    let mark = open(completeMark, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard mark >= 0 else { throw Self.failure("create", completeMark) }
    close(mark)
  }

  private var acceptedDirectory: String { "\(directory)/accepted" }
  private var completeMark: String { "\(acceptedDirectory)/complete" }

  private func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Self.failure("make", path) }
    if let group, chown(path, uid_t.max, group) != 0 { throw Self.failure("change the group of", path) }
    var status = stat()
    guard stat(path, &status) == 0, chmod(path, 0o750 | (status.st_mode & S_ISGID)) == 0 else {
      throw Self.failure("change the mode of", path)
    }
  }

  private func read(_ root: String) throws -> FileSet {
    var files: FileSet = [:]
    for kind in EnvoyFile.Kind.allCases {
      for name in try names(in: "\(root)/\(kind.rawValue)") {
        guard let source = EnvoyFile.Source(kind: kind, fileName: name) else { continue }
        // A file that is not ours, or that nobody can read, is written anew.
        files[source] = (try? String(contentsOfFile: "\(root)/\(source.path)", encoding: .utf8))
          .flatMap(WrittenFile.init(text:))
      }
    }
    return files
  }

  private func names(in path: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw Fault(
        .failed, operation: "list \(path)", reason: "the directory cannot be read",
        remedy: "restart the platform with 'lobstack up'", cause: error)
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("write", path) }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ verb: String, _ path: String) -> Fault {
    Fault(
      .exhausted, operation: "\(verb) \(path)", reason: String(cString: strerror(errno)),
      remedy: "free disk space or mend the file system")
  }
}
