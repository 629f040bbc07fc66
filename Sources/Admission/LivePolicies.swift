import Crypto
import Faults
import Foundation
import Synchronization

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

  package init(directory: String) { self.directory = directory }

  package var state: State { current.withLock { $0 } }

  /// Looks at the files, and takes them up when they have changed.
  package func reload() -> Change {
    let files: [PolicyFile]
    do { files = try PolicyDirectory.read(directory) } catch {
      return refuse([Fault.wrap(error, operation: "read \(directory)", remedy: "restore the directory")], files: nil)
    }
    guard files != state.files else { return .none }
    let policies: PolicySet
    do throws(BrokenPolicies) { policies = try PolicySet(files) } catch { return refuse(error.faults, files: files) }
    current.withLock {
      $0 = State(policies: policies, version: Self.version(of: files), loadedAt: .now, faults: [], files: files)
    }
    return .loaded
  }

  private func refuse(_ faults: [Fault], files: [PolicyFile]?) -> Change {
    current.withLock { state in
      defer { (state.faults, state.files) = (faults, files) }
      return state.faults == faults ? .none : .refused(faults)
    }
  }

  /// The first quarter of the SHA-256 of all files.
  private static func version(of files: [PolicyFile]) -> String {
    var hash = SHA256()
    for file in files {
      for part in [file.path, file.text] { hash.update(data: Data("\(part.utf8.count):\(part)".utf8)) }
    }
    return hash.finalize().prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
