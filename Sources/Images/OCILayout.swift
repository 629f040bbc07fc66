import AgentModel
import Crypto
import Faults
import FoundationEssentials
import Glibc

/// An image in a directory, by the OCI image layout specification (image-layout.md, manifest.md, config.md; version 1).
struct OCILayout {
  let reference: ImageReference
  /// Reads a file of the layout by its path in it, up to so many bytes.
  let read: (_ path: String, _ limit: Int) throws -> [UInt8]

  /// Largest JSON document of an image; registries refuse more than this too.
  static let largestDocument = 4 << 20
  static let mostLayers = 512

  struct Descriptor: Codable, Hashable, Sendable {
    var mediaType: String?
    var digest: String
    var size: Int64
    var platform: Platform?
    var annotations: [String: String]?

    struct Platform: Codable, Hashable, Sendable {
      var os: String
      var architecture: String
    }

    var tag: String? { annotations?["org.opencontainers.image.ref.name"] }
    var isIndex: Bool { mediaType?.contains("image.index") == true || mediaType?.contains("manifest.list") == true }
  }

  struct Index: Codable, Sendable {
    var schemaVersion = 2
    var manifests: [Descriptor]
  }

  struct Manifest: Decodable, Sendable {
    var config: Descriptor
    var layers: [Descriptor]
  }

  private struct Configuration: Decodable {
    struct Config: Decodable {
      var Entrypoint: [String]?
      var Cmd: [String]?
      var Env: [String]?
      var WorkingDir: String?
    }
    var config: Config?
  }

  /// The entry of index.json that the reference means: the one with its tag, or the only one.
  func entry() throws -> Descriptor {
    let index = try decode(Index.self, try read("index.json", Self.largestDocument), "index.json")
    let tags = index.manifests.compactMap(\.tag).sorted().joined(separator: ", ")
    if let tag = reference.tag {
      guard let entry = index.manifests.last(where: { $0.tag == tag }) else {
        throw Fault(
          .notFound, operation: "use image \(reference)", reason: "it has no tag '\(tag)'; it has: \(tags.prefix(300))",
          remedy: "correct the tag in spec.image")
      }
      return entry
    }
    guard
      let entry = index.manifests.count == 1
        ? index.manifests.first : index.manifests.last(where: { $0.tag == "latest" })
    else {
      throw Fault(
        .notFound, operation: "use image \(reference)",
        reason: "it holds \(index.manifests.count) images (\(tags.prefix(300))) and none was named",
        remedy: "add the tag to spec.image: \(reference):TAG")
    }
    return entry
  }

  /// The manifest that an entry leads to, for this machine when it offers several platforms.
  func manifest(of entry: Descriptor) throws -> Descriptor {
    guard entry.isIndex else { return entry }
    let index = try document(Index.self, entry)
    guard
      let match = index.manifests.first(where: {
        $0.platform?.os == "linux" && $0.platform?.architecture == Self.architecture
      }),
      !match.isIndex
    else {
      throw Fault(
        .unsupported, operation: "use image \(reference)", reason: "it has no build for linux/\(Self.architecture)",
        remedy: "build it for this machine")
    }
    return match
  }

  func contents(of manifest: Descriptor) throws -> (Manifest, ImageConfiguration) {
    let contents = try document(Manifest.self, manifest)
    guard contents.layers.count <= Self.mostLayers else {
      throw Fault(
        .invalid, operation: "use image \(reference)",
        reason: "it has \(contents.layers.count) layers; the limit is \(Self.mostLayers)", remedy: "squash the image")
    }
    for layer in contents.layers { _ = try path(of: layer) }
    let config = try document(Configuration.self, contents.config).config
    var env: [String: String] = [:]
    for variable in config?.Env ?? [] {
      let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, !parts[0].isEmpty { env[String(parts[0])] = String(parts[1]) }
    }
    let directory = config?.WorkingDir ?? ""
    return (
      contents,
      ImageConfiguration(
        command: (config?.Entrypoint ?? []) + (config?.Cmd ?? []), env: env,
        directory: directory.hasPrefix("/") ? directory : "/\(directory)")
    )
  }

  /// The path of a blob in the layout.
  func path(of descriptor: Descriptor) throws -> String {
    guard isDigest(descriptor.digest) else {
      throw Fault(
        .invalid, operation: "use image \(reference)",
        reason: "'\(descriptor.digest.prefix(100))' in it is not a sha256 digest", remedy: "build the image again")
    }
    return "blobs/sha256/\(descriptor.digest.dropFirst("sha256:".count))"
  }

  private static var architecture: String {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }

  private func document<Value: Decodable>(_ type: Value.Type, _ descriptor: Descriptor) throws -> Value {
    let path = try path(of: descriptor)
    let bytes = try read(path, Self.largestDocument)
    guard digest(bytes) == descriptor.digest else {
      throw Fault(
        .invalid, operation: "use image \(reference)", reason: "\(path) in it does not match its digest",
        remedy: "build or copy the image again")
    }
    return try decode(type, bytes, path)
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8], _ path: String) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw Fault(
        .invalid, operation: "use image \(reference)",
        reason: "\(path) in it is not what an OCI image layout has there",
        remedy: "build the image again", cause: error)
    }
  }
}

/// `sha256:` and 64 lower-case hexadecimal digits.
func isDigest(_ text: String) -> Bool {
  let digits = text.dropFirst("sha256:".count).utf8
  return text.hasPrefix("sha256:") && digits.count == 64
    && digits.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
}

func digest(_ bytes: [UInt8]) -> String { text(of: SHA256.hash(data: bytes)) }

func text(of hash: SHA256.Digest) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return "sha256:" + String(decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
