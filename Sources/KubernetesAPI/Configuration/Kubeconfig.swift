import Faults
import Foundation
import Manifests

/// Clusters, users and contexts, as kubectl keeps them (`client-go/tools/clientcmd/api/v1`).
///
/// Fields that this does not know are passed over, as by kubectl. What it knows and does not do is refused where it is
/// used, never silently left out: a certificate that nobody checks, a password, a proxy, another user's name.
package struct Kubeconfig: Sendable {
  /// An entry with the place and the directory of its file, from which its relative paths go.
  struct Entry: Sendable {
    var manifest: Manifest
    var directory: String
  }

  private(set) var clusters: [String: Entry] = [:]
  private(set) var users: [String: Entry] = [:]
  private(set) var contexts: [String: Entry] = [:]
  private(set) var currentContext: String?
  private(set) var files: [String] = []

  /// - Parameter path: the only file, which has to be there; `nil` for those of the environment.
  /// - Returns: `nil` when no file is named and none is there.
  package static func load(path: String?, environment: [String: String]) throws -> Kubeconfig? {
    if let path { return try load(paths: [path]) }
    // Of these, kubectl passes over the ones that are not there.
    let named = environment["KUBECONFIG"].map { $0.split(separator: ":").map(String.init) } ?? []
    let candidates = named.isEmpty ? environment["HOME"].map { ["\($0)/.kube/config"] } ?? [] : named
    let paths = candidates.filter { FileManager.default.fileExists(atPath: $0) }
    if paths.isEmpty, !named.isEmpty {
      throw Fault(
        .notFound, operation: "read the kubeconfig", reason: "KUBECONFIG names no file that is there",
        remedy: "correct it, or unset it")
    }
    return paths.isEmpty ? nil : try load(paths: paths)
  }

  /// The files together: of an entry that several have, the first counts.
  package static func load(paths: [String]) throws -> Kubeconfig {
    var merged = Kubeconfig()
    for path in paths {
      let text = String(decoding: try readFile(path, operation: "read the kubeconfig \(path)"), as: UTF8.self)
      try merged.add(text, path: path)
    }
    return merged
  }

  package init() {}

  /// Adds what a file says and no file before it.
  package mutating func add(_ text: String, path: String) throws {
    files.append(path)
    let documents = try Manifest.parse(text, source: path)
    guard let manifest = documents.first else { return }
    guard documents.count == 1 else {
      throw documents[1].fault("it is a second document", remedy: "keep one kubeconfig in a file")
    }
    var fields = try Fields(manifest)
    if let version = try fields.take("apiVersion")?.string(), version != "v1" {
      throw manifest.fault("apiVersion is '\(version)'", remedy: "use a kubeconfig of version v1")
    }
    if let kind = try fields.take("kind")?.string(), kind != "Config" {
      throw manifest.fault("it is a \(kind), no kubeconfig", remedy: "name a kubeconfig")
    }
    let directory = Self.directory(of: path)
    try Self.add(fields.take("clusters"), "cluster", directory, to: &clusters)
    try Self.add(fields.take("users"), "user", directory, to: &users)
    try Self.add(fields.take("contexts"), "context", directory, to: &contexts)
    let current = try fields.take("current-context")?.string() ?? ""
    if currentContext == nil, !current.isEmpty { currentContext = current }
  }

  private static func add(
    _ list: Manifest?, _ kind: String, _ directory: String, to entries: inout [String: Entry]
  ) throws {
    var seen: Set<String> = []
    for item in try list?.list() ?? [] {
      var fields = try Fields(item)
      let name = try fields.require("name").string()
      guard seen.insert(name).inserted else {
        throw item.fault("the \(kind) '\(name)' is given twice", remedy: "remove one")
      }
      // Without a body it has no fields, as `user: {}`.
      let body = fields.take(kind) ?? item
      if entries[name] == nil { entries[name] = Entry(manifest: body, directory: directory) }
    }
  }

  private static func directory(of path: String) -> String {
    URL(filePath: path).standardizedFileURL.deletingLastPathComponent().path
  }
}

/// Reads a small file to its end: a kubeconfig, a certificate, a token.
func readFile(_ path: String, operation: String) throws -> [UInt8] {
  guard let bytes = FileManager.default.contents(atPath: path) else {
    throw Fault(
      .notFound, operation: operation, reason: "the file \(path) cannot be read",
      remedy: "correct the path, or let this user read it")
  }
  guard bytes.count <= 1 << 20 else {
    throw Fault(
      .invalid, operation: operation, reason: "\(path) has \(bytes.count) bytes, more than \(1 << 20)",
      remedy: "name the right file")
  }
  return [UInt8](bytes)
}
