import AgentModel
import ChildProcess
import Faults
import Synchronization

/// What a layer's tar holds, checked before anything of it is written.
///
/// umoci puts an empty file in the place of a device node when it runs unprivileged, and takes names that climb as
/// names within the root: both would hide from a look at the finished tree what the image tried.
final class LayerListing: Sendable {
  private struct State {
    var rest: [UInt8] = []
    var total = TreeLimits(bytes: 0, entries: 0)
    var errors: [UInt8] = []
  }

  private static let longestLine = 64 << 10
  private let reference: ImageReference
  private let state = Mutex(State())

  init(reference: ImageReference) { self.reference = reference }

  /// Bytes and entries of every layer seen so far.
  var total: TreeLimits { state.withLock { $0.total } }

  /// - Throws: `Fault` `.invalid` naming the entry that breaks a rule, `.exhausted` past the limits.
  func check(_ blob: String, user: ImageUser, staging: String) async throws {
    let command = user.command(
      "tar", ["--list", "--verbose", "--numeric-owner", "--quoting-style=escape", "--absolute-names", "--file", blob],
      staging: staging)
    let (none, end) = AsyncStream<[UInt8]>.makeStream()
    end.finish()
    let status = try await command.stream(input: none, timeout: .seconds(300)) { piece in
      switch piece {
      case .standardOutput(let bytes): try self.take(bytes)
      case .standardError(let bytes): self.state.withLock { $0.errors = Array(($0.errors + bytes).suffix(4096)) }
      }
    }
    let (errors, rest) = state.withLock { ($0.errors, $0.rest) }
    guard status == .exited(0), rest.isEmpty else {
      throw user.failure(of: reference, message: String(decoding: errors, as: UTF8.self), status: status)
    }
  }

  private func take(_ bytes: [UInt8]) throws {
    try state.withLock { state in
      var buffer = state.rest + bytes
      var start = 0
      while let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
        try judge(String(decoding: buffer[start..<end], as: UTF8.self), &state.total)
        start = end + 1
      }
      buffer.removeFirst(start)
      guard buffer.count <= Self.longestLine else {
        throw Fault(
          .invalid, operation: "use image \(reference)", reason: "it has a path longer than \(Self.longestLine) bytes",
          remedy: "build the image again")
      }
      state.rest = buffer
    }
  }

  /// One line: mode, owner, size or device numbers, date, time, name (tar(1), `--verbose`).
  func judge(_ line: String, _ total: inout TreeLimits) throws {
    let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
    guard fields.count == 6, let kind = fields[0].first else { return }
    let name = String(fields[5])
    let rules = TreeRules(reference: reference)
    total.entries += 1
    total.bytes += Int64(fields[2]) ?? 0
    let limits = TreeLimits.standard
    guard total.entries <= limits.entries, total.bytes <= limits.bytes else {
      throw Fault(
        .exhausted, operation: "use image \(reference)",
        reason: "its layers have more than \(limits.entries) entries or \(ByteSize(bytes: limits.bytes)) of files",
        remedy: "make the image smaller")
    }
    if kind == "c" || kind == "b" {
      throw rules.refusal(name.hasPrefix("/") ? name : "/\(name)", "is a device node", "leave /dev empty in the image")
    }
    let (path, target) = Self.split(name, isHardLink: kind == "h", isLink: kind == "l")
    if TreeRules.climbs(depth: 0, path: path) {
      throw rules.refusal(path, "has a name that leads out of the image", "build the image again")
    }
    // A hard link's target counts from the root of the layer.
    if let target, kind == "h", TreeRules.climbs(depth: 0, path: target) {
      throw rules.refusal(
        path, "is a hard link that leads out of the image: \(target)", "link to a path within the image")
    }
  }

  private static func split(_ name: String, isHardLink: Bool, isLink: Bool) -> (path: String, target: String?) {
    guard isHardLink || isLink else { return (name, nil) }
    let separator = isHardLink ? " link to " : " -> "
    guard let range = name.firstRange(of: separator) else { return (name, nil) }
    return (String(name[..<range.lowerBound]), String(name[range.upperBound...]))
  }
}
