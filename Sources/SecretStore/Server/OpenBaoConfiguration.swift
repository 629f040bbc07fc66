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
  /// Addresses of the other nodes of its cluster.
  package var peers: [String] = []
  /// Who vouches for them, a PEM file.
  package var peerAuthority: String?
  /// What an empty server is filled with at its first start; `nil` for one that joins a cluster.
  package var firstStart: [ProvisioningRequest]?

  package static let apiPort = 8200
  package static let clusterPort = 8201

  package var apiAddress: String { Self.api(at: address) }

  package static func api(at address: String) -> String { "https://\(bracketed(address)):\(apiPort)" }

  /// An address as it stands before a port (RFC 3986 §3.2.2).
  private static func bracketed(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }

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

  /// Until it has a store it asks this node to let it join.
  private func join(_ peer: String) -> String {
    """
      retry_join {
        leader_api_addr     = \(HCLText.quoted(Self.api(at: peer)))
        leader_ca_cert_file = \(HCLText.quoted(peerAuthority ?? ""))
      }

    """
  }

  /// The text of the file (OpenBao's HCL 1).
  package var text: String {
    func quoted(_ text: String) -> String { HCLText.quoted(text) }
    let host = Self.bracketed(address)
    var text = """
      cluster_name = \(quoted(clusterName))
      cluster_addr = \(quoted("https://\(host):\(Self.clusterPort)"))
      api_addr     = \(quoted(apiAddress))

      storage "raft" {
        path                   = \(quoted(dataDirectory))
        node_id                = \(quoted(nodeName))
        performance_multiplier = 1
      \(peers.map(join).joined())}

      listener "tcp" {
        address         = \(quoted("\(host):\(Self.apiPort)"))
        cluster_address = \(quoted("\(host):\(Self.clusterPort)"))
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
