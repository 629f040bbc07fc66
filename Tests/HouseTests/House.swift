import Foundation

/// The package's own files, found by walking up from this one.
enum House {
  static let root: URL = {
    var directory = URL(filePath: #filePath).deletingLastPathComponent()
    while directory.path() != "/" && !exists(directory.appending(path: "Package.swift")) {
      directory = directory.deletingLastPathComponent()
    }
    return directory
  }()

  static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// Paths, relative to the root, of the files below `directory` whose names end with `suffix`, in order.
  static func files(in directory: String, suffix: String) throws -> [String] {
    let base = root.appending(path: directory).path(percentEncoded: false)
    guard FileManager.default.fileExists(atPath: base) else { return [] }
    return try FileManager.default.subpathsOfDirectory(atPath: base)
      .filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") && !$0.contains("/.") }
      .map { "\(directory)/\($0)" }
      .sorted()
  }

  /// Runs a program to its end and returns its exit code with what it wrote.
  static func run(_ arguments: [String], environment: [String: String]? = nil) throws -> (code: Int32, output: Data) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = root
    if let environment { process.environment = environment }
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = environment == nil ? FileHandle.nullDevice : pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, output)
  }
}
