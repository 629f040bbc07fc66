/// An Istio ServiceEntry (`networking.istio.io/v1`): hosts outside the mesh that one namespace may reach.
package struct ServiceEntry: Hashable, Sendable, Codable {
  package var apiVersion = "networking.istio.io/v1"
  package var kind = "ServiceEntry"
  package var metadata: ObjectMeta
  package var spec: ServiceEntrySpec

  package init(metadata: ObjectMeta, spec: ServiceEntrySpec) {
    self.metadata = metadata
    self.spec = spec
  }
}

package struct ServiceEntrySpec: Hashable, Sendable, Codable {
  package var hosts: [String]
  package var ports: [Port]
  package var location: String
  package var resolution: String
  package var exportTo: [String]

  package init(
    hosts: [String], ports: [Port], location: String = "MESH_EXTERNAL", resolution: String, exportTo: [String] = ["."]
  ) {
    self.hosts = hosts
    self.ports = ports
    self.location = location
    self.resolution = resolution
    self.exportTo = exportTo
  }

  package struct Port: Hashable, Sendable, Codable {
    package var number: UInt16
    package var name: String
    package var `protocol`: String

    package init(number: UInt16, name: String, protocol: String) {
      self.number = number
      self.name = name
      self.protocol = `protocol`
    }
  }
}
