import Crypto
import Faults
import Foundation
import Logging
import ServiceLifecycle
import TextEncodings

/// Records what the policy's files are: at the start, and when they are others, whoever takes them up, and when.
struct PolicyFiles: Service {
  private static let look = Duration.seconds(30)
  /// Longest file that is read, in bytes.
  private static let longest = 16 << 20

  let directory: String
  let audit: AuditTrail
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var known: [String: String] = [:]
      while !Task.isCancelled {
        do { known = try await record(after: known) } catch {
          logger.warning("The policy's files are not recorded", metadata: ["error": "\(error)"])
        }
        do { try await Task.sleep(for: Self.look) } catch { return }
      }
    }
  }

  /// - Parameter known: the digests that were recorded last.
  /// - Returns: those of now, which are recorded.
  func record(after known: [String: String]) async throws -> [String: String] {
    let present = try digests()
    guard present != known else { return known }
    try await audit.require(
      AuditEvent(
        actor: "control-plane", action: "policy.files", target: "policy",
        outcome: known.isEmpty ? "present" : "changed",
        details: present))
    return present
  }

  /// SHA-256 over names and contents, hexadecimal, for each directory of the policy by its name: `falco`, `network`.
  func digests() throws -> [String: String] {
    let files = FileManager.default
    var hashes: [String: SHA256] = [:]
    do {
      for path in try files.subpathsOfDirectory(atPath: directory).sorted() {
        let attributes = try files.attributesOfItem(atPath: "\(directory)/\(path)")
        guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
        guard (attributes[.size] as? Int ?? 0) <= Self.longest else { throw CocoaError(.fileReadTooLarge) }
        let bytes = try Data(contentsOf: URL(filePath: "\(directory)/\(path)"))
        let part = String(path.prefix { $0 != "/" })
        for piece in [Data(path.utf8), bytes] {
          hashes[part, default: SHA256()].update(data: Data("\(piece.count):".utf8) + piece)
        }
      }
    } catch {
      throw Fault(
        .failed, operation: "read the policy in \(directory)", reason: "a file cannot be read",
        remedy: "restore the directory", cause: error)
    }
    return hashes.mapValues { Hexadecimal.encode($0.finalize()) }
  }
}
