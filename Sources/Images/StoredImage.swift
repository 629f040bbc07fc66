import AgentModel
import FoundationEssentials

/// `image.json`: what the store remembers of an unpacked image. Its presence says that the tree beside it is whole.
struct StoredImage: Codable, Sendable, Hashable {
  var digest: String
  /// What it was unpacked from.
  var reference: ImageReference
  var configuration: ImageConfiguration

  static let fileName = "image.json"
  static let rootName = "rootfs"

  /// The name of its directory.
  static func name(of digest: String) -> String { "sha256-\(digest.dropFirst("sha256:".count))" }

  func resolved(in store: String) -> ResolvedImage {
    ResolvedImage(
      digest: digest, rootDirectory: "\(store)/\(Self.name(of: digest))/\(Self.rootName)", configuration: configuration)
  }

  /// - Returns: `nil` when there is none or it is not understood, which is the same to the store: not whole.
  static func read(from directory: String) -> StoredImage? {
    guard let data = FileManager.default.contents(atPath: "\(directory)/\(fileName)") else { return nil }
    return try? JSONDecoder().decode(StoredImage.self, from: data)
  }

  func write(to directory: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(filePath: "\(directory)/\(Self.fileName)"))
  }
}
