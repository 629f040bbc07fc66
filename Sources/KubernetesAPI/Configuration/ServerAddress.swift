import Faults

/// Where an API server answers: `https://HOST[:PORT][/PREFIX]`.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address, without the brackets of IPv6.
  package let host: String
  package let port: Int?
  /// Empty, or a path that begins with a slash and ends without one.
  let prefix: String

  /// - Parameter operation: of the fault.
  /// - Throws: `Fault(.invalid)` for what is no such address.
  package init(_ text: String, operation: String) throws {
    func refusal(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: operation, reason: "'\(text.prefix(200))' \(reason)",
        remedy: "give the API server as https://HOST:PORT")
    }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"@?#\\%\"<>{}|^`".utf8.contains($0) }) else {
      throw refusal("is no address")
    }
    guard text.lowercased().hasPrefix("https://") else {
      throw refusal(
        text.lowercased().hasPrefix("http://") ? "would take credentials in the clear" : "is no https address")
    }
    let rest = text.dropFirst("https://".count)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let place = rest[..<slash]
    var path = rest[slash...]
    while path.hasSuffix("/") { path = path.dropLast() }
    prefix = String(path)
    if path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) {
      throw refusal("has a '..' in its path")
    }
    let digits: Substring?
    if place.hasPrefix("["), let end = place.firstIndex(of: "]") {
      host = String(place[place.index(after: place.startIndex)..<end])
      let tail = place[place.index(after: end)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { throw refusal("is no address") }
      digits = tail.isEmpty ? nil : tail.dropFirst()
    } else {
      let parts = place.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { throw refusal("has an IPv6 address without brackets") }
      host = String(parts[0])
      digits = parts.count == 2 ? parts[1] : nil
    }
    guard !host.isEmpty else { throw refusal("has no host") }
    if let digits {
      guard let number = UInt16(digits), number > 0 else { throw refusal("has no port from 1 to 65535") }
      port = Int(number)
    } else {
      port = nil
    }
  }

  package var description: String { url(host: host) }

  /// With another name for the host.
  func url(host: String) -> String {
    let host = host.contains(":") ? "[\(host)]" : host
    return "https://\(host)\(port.map { ":\($0)" } ?? "")\(prefix)"
  }
}
