import Crypto
import Faults
import Foundation
import Synchronization
import TextEncodings

/// The policies of a directory, read again when its files change, all or nothing.
///
/// Broken ones leave those before for what exists, and nothing is to be created until they are whole again: nobody knows
/// what they would have refused.
package final class LivePolicies: Sendable {
  package struct State: Sendable {
    package var policies = PolicySet()
    /// What tells these policies from others; `nil` while there were never any that are whole.
    package var version: String?
    package var loadedAt: Date?
    /// What is wrong with the files that lie there now.
    package var faults: [Fault] = []
    fileprivate var files: [PolicyFile]?
  }

  package enum Change: Sendable, Equatable {
    case none
    case loaded
    /// Told once for the same faults.
    case refused([Fault])
  }

  package let directory: String
  private let current = Mutex(State())
  /// One reads at a time, so that none takes up what is older than what another took up.
  private let reading = Mutex<Void>(())

  package init(directory: String) { self.directory = directory }

  package var state: State { current.withLock { $0 } }

  /// Looks at the files, and takes them up when they have changed. Blocks while it reads.
  package func reload() -> (change: Change, state: State) {
    reading.withLock { _ in
      let change = look()
      return (change, state)
    }
  }

  private func look() -> Change {
    let files: [PolicyFile]
    do { files = try stableFiles() } catch {
      return refuse([Fault.wrap(error, operation: "read \(directory)", remedy: "restore the directory")], files: nil)
    }
    guard files != state.files else { return .none }
    let policies: PolicySet
    do throws(BrokenPolicies) { policies = try PolicySet.inForce(files) } catch {
      return refuse(error.faults, files: files)
    }
    let version = version(of: files)
    current.withLock {
      $0 = State(policies: policies, version: version, loadedAt: .now, faults: [], files: files)
    }
    return .loaded
  }

  /// The files, once they stay as they are: one that is being written may be a policy cut short that still can be read.
  private func stableFiles() throws -> [PolicyFile] {
    var files = try PolicyDirectory.read(directory)
    guard files != state.files else { return files }
    for _ in 0..<20 {
      Thread.sleep(forTimeInterval: 0.05)
      let again = try PolicyDirectory.read(directory)
      if again == files { return files }
      files = again
    }
    throw Fault(
      .failed, operation: "read the policies of \(directory)", reason: "they change while they are read",
      remedy: "wait until they are written")
  }

  private func refuse(_ faults: [Fault], files: [PolicyFile]?) -> Change {
    current.withLock { state in
      defer { (state.faults, state.files) = (faults, files) }
      return state.faults == faults ? .none : .refused(faults)
    }
  }

  /// The first quarter of the SHA-256 of all files.
  private func version(of files: [PolicyFile]) -> String {
    var hash = SHA256()
    for file in files {
      // Below the directory: the same policies are the same anywhere.
      for part in [String(file.path.dropFirst(directory.count)), file.text] {
        hash.update(data: Data("\(part.utf8.count):\(part)".utf8))
      }
    }
    return Hexadecimal.encode(hash.finalize().prefix(8))
  }
}
