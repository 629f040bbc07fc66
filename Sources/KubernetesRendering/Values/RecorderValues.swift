import AgentModel
import Foundation
import Manifests

extension Values.Archive {
  init(_ field: Manifest) throws {
    var fields = try Fields(field)
    guard let age = fields.take("after") else {
      throw field.fault("it does not say which records", remedy: "add 'after: 90d'")
    }
    let text = try age.string()
    guard let seconds = TimeSpan.seconds(text), seconds > 0 else {
      throw age.fault("'\(text.prefix(80))' is no age", remedy: "write one, as 90d or 12h")
    }
    after = text
    if let size = fields.take("storage") { storage = try size.size() }
    try fields.finish()
  }
}

extension Values.Witness {
  init(_ field: Manifest) throws {
    var fields = try Fields(field)
    guard let address = fields.take("url"), let ranges = fields.take("addresses") else {
      throw field.fault(
        "it does not say who is to be handed checkpoints, or where that is",
        remedy: "add 'url: https://…' and 'addresses: [192.0.2.9/32]'")
    }
    url = try address.url()
    guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty, parts.user == nil,
      parts.fragment == nil, let port = UInt16(exactly: parts.port ?? 443), port > 0
    else {
      throw address.fault(
        "'\(url.prefix(80))' names no server", remedy: "write one, as https://witness.example.org/checkpoints")
    }
    self.port = port
    addresses = try ranges.ranges()
    try fields.finish()
  }
}
