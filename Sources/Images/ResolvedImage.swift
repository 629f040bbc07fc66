/// What an image says of the program in it (OCI image configuration, `config`).
package struct ImageConfiguration: Codable, Sendable, Hashable {
  /// Entrypoint and command, joined; empty when the image names none.
  package var command: [String]
  package var env: [String: String]
  /// Working directory; `/` when the image names none.
  package var directory: String

  package init(command: [String] = [], env: [String: String] = [:], directory: String = "/") {
    self.command = command
    self.env = env
    self.directory = directory
  }
}

/// An image that is unpacked on this machine.
package struct ResolvedImage: Sendable, Hashable {
  /// `sha256:…`: of the manifest, or for a `dir:` image of what its tree looks like.
  package var digest: String
  /// The root file system, shared by every agent of the image and never written.
  ///
  /// File modes are the image's; file owners are not: everything belongs to the user that unpacked it, so to an agent
  /// every file is somebody else's and the "others" bits of its mode decide.
  package var rootDirectory: String
  package var configuration: ImageConfiguration

  package init(digest: String, rootDirectory: String, configuration: ImageConfiguration) {
    self.digest = digest
    self.rootDirectory = rootDirectory
    self.configuration = configuration
  }
}
