import Documents

/// `core/v1` Service.
struct Service: ClusterObject {
  let apiVersion = "v1"
  let kind = "Service"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var type: String?
    /// `None` for a headless one.
    var clusterIP: String?
    var selector: [String: String]
    var ports: [Port]
    var internalTrafficPolicy: String?
    var externalTrafficPolicy: String?
    var publishNotReadyAddresses: Bool?
  }

  struct Port: Encodable, Sendable {
    var name: String
    var port: UInt16
    var targetPort: Target
    var `protocol`: String?
    /// What is spoken, for Istio: `https`, `tls`, `http`.
    var appProtocol: String?
  }

  /// A port by number or by the name that the container gives it.
  enum Target: Encodable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case number(UInt16), name(String)

    init(stringLiteral name: String) { self = .name(name) }
    init(integerLiteral number: UInt16) { self = .number(number) }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let number): try container.encode(number)
      case .name(let name): try container.encode(name)
      }
    }
  }
}
