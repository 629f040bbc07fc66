import AgentModel
import Manifests

// What a value of the values file may be. Each throws `Fault(.invalid)` with line and field.
extension Manifest {
  func choice<Value: RawRepresentable & CaseIterable>() throws -> Value where Value.RawValue == String {
    let text = try string()
    guard let value = Value(rawValue: text) else {
      let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw fault("'\(text.prefix(80))' is not known", remedy: "use one of: \(choices)")
    }
    return value
  }

  /// Labels of a domain, in lower case (RFC 1123 §2.1).
  func domainName() throws -> String {
    let text = try string()
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, labels.allSatisfy({ isDNSLabel(String($0)) }) else {
      throw fault("'\(text.prefix(80))' is not a domain", remedy: "write one in lower case, as agents.example.com")
    }
    return text
  }

  /// A driver's name, as a StorageClass has it: a domain, or a name behind one (`rancher.io/local-path`).
  func provisioner() throws -> String {
    let text = try string()
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard text.utf8.count <= 253,
      parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ isDNSLabel(String($0)) }),
      parts.dropFirst().allSatisfy({ isDNSLabel(String($0)) })
    else {
      throw fault(
        "'\(text.prefix(80))' is no driver's name", remedy: "write one as ebs.csi.aws.com or rancher.io/local-path")
    }
    return text
  }

  func label() throws -> String {
    let text = try string()
    guard isDNSLabel(text) else {
      throw fault("'\(text.prefix(80))' is not a name", remedy: "use \(AgentName.rule)")
    }
    return text
  }

  func url() throws -> String {
    let text = try string()
    guard text.hasPrefix("https://"), text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else {
      throw fault("'\(text.prefix(80))' is not an address", remedy: "write one that begins with https://")
    }
    return text
  }

  /// Of a server in the cluster, which may be without TLS: `http://host:port`.
  func serverAddress() throws -> String {
    let text = try string()
    let rest = ["http://", "https://"].lazy.filter(text.hasPrefix).map { text.dropFirst($0.count) }.first ?? ""
    guard !rest.isEmpty, text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
      !rest.contains("@")
    else {
      throw fault(
        "'\(text.prefix(80))' is not the address of a server", remedy: "write one, as http://prometheus.example:9090")
    }
    return text
  }

  func email() throws -> String {
    let text = try string()
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else {
      throw fault("'\(text.prefix(80))' is not a mail address", remedy: "write one, as operations@example.com")
    }
    return text
  }

  /// An image with a tag other than `latest`, or a digest: what runs is what was meant.
  func image() throws -> String {
    let text = try string()
    let name = text.split(separator: "@", omittingEmptySubsequences: false)
    let last = name[0].split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let tag = last.split(separator: ":", omittingEmptySubsequences: false).dropFirst().first
    let isPinned =
      name.count == 2
      ? name[1].hasPrefix("sha256:") && name[1].utf8.count == 71 : tag.map { $0 != "latest" && !$0.isEmpty } == true
    guard isPinned, !last.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw fault(
        "'\(text.prefix(80))' names no version",
        remedy: "write registry/name:tag (not latest) or registry/name@sha256:…")
    }
    return text
  }

  func size() throws -> ByteSize {
    let text: String
    if case .int(let number) = value { text = "\(number)" } else { text = try string() }
    guard let size = ByteSize(text), size.bytes > 0 else {
      throw fault("'\(text.prefix(80))' is not a size", remedy: "give \(ByteSize.rule)")
    }
    return size
  }

  /// CPUs as a quantity: whole ones, or thousandths with an `m`.
  func cpu() throws -> String {
    let text: String
    if case .int(let number) = value { text = "\(number)" } else { text = try string() }
    let digits = text.hasSuffix("m") ? text.dropLast() : text[...]
    guard (1...6).contains(digits.count), digits.allSatisfy({ ("0"..."9").contains($0) }), Int(digits) ?? 0 > 0 else {
      throw fault("'\(text.prefix(80))' is not a number of CPUs", remedy: "write 2, or 500m for half of one")
    }
    return text
  }

  func address() throws -> String {
    let text = try string()
    guard IPv4Address(text) != nil else {
      throw fault("'\(text.prefix(80))' is not an IPv4 address", remedy: "write one, as 10.96.0.53")
    }
    return text
  }

  func ranges() throws -> [String] {
    let ranges = try list().map { item in
      let text = try item.string()
      guard CIDR(text) != nil else {
        throw item.fault("'\(text.prefix(80))' is not a range of addresses", remedy: "write one, as 10.96.0.1/32")
      }
      return text
    }
    guard !ranges.isEmpty else { throw fault("it is empty", remedy: "name one range at least") }
    return ranges
  }
}
