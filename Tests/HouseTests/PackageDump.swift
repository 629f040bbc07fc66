import Foundation

/// What `swift package dump-package` tells of Package.swift.
struct PackageDump: Decodable {
  struct Target: Decodable {
    var name: String
    var type: String
    var dependencies: [Dependency]
  }

  /// `{"byName": [name, condition]}`, `{"target": [name, condition]}` or `{"product": [name, package, …]}`.
  struct Dependency: Decodable {
    var name: String
    var isProduct: Bool

    private enum CodingKeys: String, CodingKey { case byName, target, product }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      isProduct = container.contains(.product)
      let key: CodingKeys = isProduct ? .product : container.contains(.target) ? .target : .byName
      var values = try container.nestedUnkeyedContainer(forKey: key)
      name = try values.decode(String.self)
    }
  }

  var targets: [Target]

  /// Reads the manifest only, in a scratch directory of its own: `.build` is locked while tests run.
  static func read() throws -> PackageDump {
    let scratch = FileManager.default.temporaryDirectory.appending(path: "lobstack-house-\(UUID())")
    defer {
      // A directory left in the temporary directory does no harm.
      try? FileManager.default.removeItem(at: scratch)
    }
    let (code, output) = try House.run(
      ["swift", "package", "--scratch-path", scratch.path(percentEncoded: false), "dump-package"])
    guard code == 0 else { throw CocoaError(.fileReadUnknown) }
    return try JSONDecoder().decode(PackageDump.self, from: output)
  }
}
