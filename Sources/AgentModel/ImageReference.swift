/// Where an agent's image comes from, in the notation of containers-transports(5).
package struct ImageReference: ParsedText {
  package enum Transport: String, Sendable, CaseIterable {
    /// An OCI image layout directory, `oci:/path[:tag]`.
    case oci
    /// A tar archive of an OCI image layout, `oci-archive:/path[:tag]`.
    case ociArchive = "oci-archive"
    /// A registry, `docker://host/name:tag` or `docker://host/name@sha256:…`.
    case docker
    /// A directory that holds a root file system, `dir:/path`.
    case dir
  }

  package let transport: Transport
  /// The part behind the transport: an absolute path for all but `docker`.
  package let location: String
  /// The tag within an OCI layout or archive.
  package let tag: String?

  package static let rule =
    "an image: oci:/path[:tag], oci-archive:/path[:tag], docker://host/name[:tag|@digest] or dir:/path, "
    + "with an absolute path that has no '..', at most 1024 bytes"

  package init?(_ text: String) {
    guard text.utf8.count <= 1024, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    if text.hasPrefix("docker://") {
      let name = text.dropFirst("docker://".count)
      guard let first = name.first, first.isLetter || first.isNumber, !name.contains("//"), !name.contains("..") else {
        return nil
      }
      transport = .docker
      location = String(name)
      tag = nil
      return
    }
    guard let colon = text.firstIndex(of: ":"), let transport = Transport(rawValue: String(text[..<colon])),
      transport != .docker
    else { return nil }
    var path = text[text.index(after: colon)...]
    var tag: Substring?
    if transport != .dir, let tagColon = path.lastIndex(of: ":") {
      tag = path[path.index(after: tagColon)...]
      path = path[..<tagColon]
      guard let tag, !tag.isEmpty, !tag.contains("/") else { return nil }
    }
    let components = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard path.hasPrefix("/"), !components.contains(".."), components.contains(where: { !$0.isEmpty && $0 != "." })
    else { return nil }
    self.transport = transport
    self.location = String(path)
    self.tag = tag.map(String.init)
  }

  package var description: String {
    switch transport {
    case .docker: "docker://\(location)"
    default: "\(transport.rawValue):\(location)\(tag.map { ":\($0)" } ?? "")"
    }
  }
}
