import HCL

/// The configuration of an OpenBao server that Lobstack runs itself.
package struct OpenBaoConfiguration: Sendable {
  /// How the server gets at its master key.
  package enum Seal: Sendable, Hashable {
    /// By a file of 32 bytes, at each start by itself.
    case file(String, id: String)
    /// By shares that people give.
    case shamir
  }

  package var clusterName: String
  package var nodeName: String
  /// An address of this machine; the API is at port 8200 over TLS 1.3, other nodes at 8201.
  package var address: String
  package var dataDirectory: String
  package var socket: String
  /// Who may use the socket beside its owner, the server's user.
  package var socketUser: UInt32
  package var socketGroup: UInt32
  /// PEM files.
  package var certificate: String
  package var key: String
  package var seal: Seal
  /// Two, so that one that cannot be written stops nothing. They must be the same on every node.
  package var auditFiles: [String]
  /// What an empty server is filled with at its first start; `nil` for one that joins a cluster.
  package var firstStart: [ProvisioningRequest]?

  package static let apiPort = 8200
  package static let clusterPort = 8201

  package var apiAddress: String { "https://\(address):\(Self.apiPort)" }

  package init(
    clusterName: String, nodeName: String, address: String, dataDirectory: String, socket: String, socketUser: UInt32,
    socketGroup: UInt32, certificate: String, key: String, seal: Seal, auditFiles: [String],
    firstStart: [ProvisioningRequest]?
  ) {
    self.clusterName = clusterName
    self.nodeName = nodeName
    self.address = address
    self.dataDirectory = dataDirectory
    self.socket = socket
    self.socketUser = socketUser
    self.socketGroup = socketGroup
    self.certificate = certificate
    self.key = key
    self.seal = seal
    self.auditFiles = auditFiles
    self.firstStart = firstStart
  }

  /// The text of the file (OpenBao's HCL 1).
  package var text: String {
    func quoted(_ text: String) -> String { HCLText.quoted(text) }
    var text = """
      cluster_name = \(quoted(clusterName))
      cluster_addr = \(quoted("https://\(address):\(Self.clusterPort)"))
      api_addr     = \(quoted(apiAddress))

      storage "raft" {
        path                   = \(quoted(dataDirectory))
        node_id                = \(quoted(nodeName))
        performance_multiplier = 1
      }

      listener "tcp" {
        address         = \(quoted("\(address):\(Self.apiPort)"))
        cluster_address = \(quoted("\(address):\(Self.clusterPort)"))
        tls_cert_file   = \(quoted(certificate))
        tls_key_file    = \(quoted(key))
        tls_min_version = "tls13"
      }

      listener "unix" {
        address      = \(quoted(socket))
        socket_mode  = "0660"
        socket_user  = \(quoted("\(socketUser)"))
        socket_group = \(quoted("\(socketGroup)"))
      }

      """
    if case .file(let path, let id) = seal {
      text += """

        seal "static" {
          current_key_id = \(quoted(id))
          current_key    = \(quoted("file://\(path)"))
        }

        """
    }
    for (number, file) in auditFiles.enumerated() {
      text += """

        audit "file" "audit-\(number + 1)" {
          options {
            file_path = \(quoted(file))
            mode      = "0640"
          }
        }

        """
    }
    guard let firstStart, case .file = seal else { return text }
    return text + "\ninitialize \"platform\" {\n\(firstStart.map(\.text).joined(separator: "\n"))}\n"
  }
}

extension ProvisioningRequest {
  /// Whom a JWT mount believes.
  ///
  /// - Parameter keys: public keys, PEM.
  package static func keys(_ keys: [String], ofMount mount: String) -> ProvisioningRequest {
    var data = HCLObject()
    _ = data.add(.list(keys.map { .string($0) }), for: "jwt_validation_pubkeys")
    _ = data.add(.list([.string("ES256")]), for: "jwt_supported_algs")
    return ProvisioningRequest(name: "logins/\(mount)-keys", path: "auth/\(mount)/config", data: data)
  }
}
