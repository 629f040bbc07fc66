import Foundation
import KernelFiles

/// Looks for the run's own values in all that a program of the Pod can read.
struct SecretSearch {
  /// What they begin with; 32 hexadecimal digits follow.
  let prefix: String

  static let tail = 32
  /// Files at most, each of so many bytes.
  private static let mostFiles = 20_000
  private static let longestFile = 1 << 20
  /// Of one place; more are not told.
  static let mostFound = 8

  /// - Parameter roots: directories whose files are read.
  func search(
    _ say: (String, Bool, String) -> Void,
    in roots: [String] = ["/vault", "/workspace", "/tmp", "/etc", "/var", "/run", "/dev/shm", "/home", "/root"]
  ) {
    report("environment", Self.processes("environ"), say)
    report("arguments", Self.processes("cmdline"), say)
    report("files", roots.flatMap(Self.files), say)
  }

  /// One file after the other: together they may be more than the Pod has memory.
  private func report(_ place: String, _ files: [String], _ say: (String, Bool, String) -> Void) {
    var found: Set<String> = []
    var read = 0
    for file in files {
      guard let text = Self.text(of: file) else { continue }
      read += 1
      found.formUnion(canaries(in: text))
    }
    say("secrets:\(place)", true, "\(read) read")
    for (index, canary) in found.sorted().prefix(Self.mostFound).enumerated() {
      say("found:\(place):\(index)", true, canary)
    }
  }

  /// Every value in a text, once.
  func canaries(in text: [UInt8]) -> Set<String> {
    let start = Array(prefix.utf8)
    var found: Set<String> = []
    guard let first = start.first, text.count >= start.count + Self.tail else { return found }
    for index in 0...(text.count - start.count - Self.tail) where text[index] == first {
      guard text[index..<(index + start.count)].elementsEqual(start) else { continue }
      let tail = text[(index + start.count)..<(index + start.count + Self.tail)]
      guard
        tail.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 })
      else { continue }
      found.insert(prefix + String(decoding: tail, as: UTF8.self))
    }
    return found
  }

  private static func processes(_ file: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.filter { Int($0) != nil }.map { "/proc/\($0)/\(file)" }
  }

  private static func files(below root: String) -> [String] {
    guard let walk = FileManager.default.enumerator(atPath: root) else { return [] }
    var files: [String] = []
    // Nothing else: whoever opens a pipe may wait for ever.
    for case let name as String in walk where walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
      guard files.count < mostFiles else { break }
      files.append("\(root)/\(name)")
    }
    return files
  }

  private static func text(of file: String) -> [UInt8]? {
    if file.hasPrefix("/proc/") { return (try? kernelFile(file)).map { Array($0.utf8) } }
    guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
    defer { try? handle.close() }  // it was only read
    return Array((try? handle.read(upToCount: longestFile)) ?? Data())
  }
}
