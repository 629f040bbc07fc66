import Faults
import HCL

/// One request of an `initialize` stanza: what lies at a path of the API when it is provisioned (OpenBao, "Declarative
/// self-initialization").
package struct ProvisioningRequest: Hashable, Sendable {
  /// Stanza and request: `engines/transit`.
  package let name: String
  package let path: String
  package let data: HCLObject

  package init(name: String, path: String, data: HCLObject) {
    self.name = name
    self.path = path
    self.data = data
  }

  /// The requests of a file, in its order.
  ///
  /// - Throws: `Fault(.invalid)` naming file and line of what is no `initialize` stanza of requests with the operation
  ///   `update`.
  static func parse(_ text: String, file: String) throws -> [ProvisioningRequest] {
    let document = try HCLDocument(parsing: text, file: file)
    guard document.attributes.isEmpty else {
      throw wrong(file, 1, "'\(document.attributes.keys[0])' stands outside of any stanza")
    }
    return try document.blocks.flatMap { stanza in
      guard stanza.type == "initialize", stanza.labels.count == 1, stanza.attributes.isEmpty else {
        throw wrong(
          file, stanza.line, "'\(stanza.type)' is no initialize stanza with one name and nothing but requests")
      }
      return try stanza.blocks.map { try request($0, in: stanza.labels[0], file: file) }
    }
  }

  private static func request(_ block: HCLBlock, in stanza: String, file: String) throws -> ProvisioningRequest {
    guard block.type == "request", block.labels.count == 1, block.blocks.isEmpty else {
      throw wrong(file, block.line, "'\(block.type)' is no request with one name")
    }
    let name = "\(stanza)/\(block.labels[0])"
    for key in block.attributes.keys where !["operation", "path", "data"].contains(key) {
      throw wrong(file, block.line, "request \(name) has '\(key)', which is carried out at a first start only")
    }
    guard block.attributes["operation"] == .string("update") else {
      throw wrong(file, block.line, "request \(name) has another operation than \"update\"")
    }
    guard case .string(let path)? = block.attributes["path"], !path.isEmpty else {
      throw wrong(file, block.line, "request \(name) has no path")
    }
    guard case .object(let data)? = block.attributes["data"] else {
      throw wrong(file, block.line, "request \(name) has no data")
    }
    return ProvisioningRequest(name: name, path: path, data: data)
  }

  private static func wrong(_ file: String, _ line: Int, _ reason: String) -> Fault {
    Fault(
      .invalid, operation: "read \(file):\(line)", reason: reason,
      remedy: "write 'initialize \"NAME\" { request \"NAME\" { operation = \"update\", path, data } }'")
  }

  /// The request as a stanza's part.
  package var text: String {
    """
      request \(HCLText.quoted(name.replacing("/", with: "-"))) {
        operation = "update"
        path      = \(HCLText.quoted(path))
        data      = \(HCLText.value(.object(data)))
      }

    """
  }
}
