import FoundationEssentials

extension AuditRecordResource {
  /// The record as an API Activity of OCSF 1.3.0 (schema.ocsf.io/1.3.0/classes/api_activity), one line without its end.
  package func ocsfLine() throws -> [UInt8] { try APIJSON.encode(APIActivity(self)) }
}

private struct APIActivity: Encodable {
  struct Metadata: Encodable {
    var version = OCSFProduct.schemaVersion
    var product = OCSFProduct()
    /// The record's number in the log.
    var uid: String
    var sequence: UInt64
    var logName = "audit"

    enum CodingKeys: String, CodingKey {
      case version, product, uid, sequence
      case logName = "log_name"
    }
  }

  struct Actor: Encodable { var user: Named }
  struct Named: Encodable { var name: String }
  struct Operation: Encodable { var operation: String }

  struct Endpoint: Encodable {
    var serviceName = "lobstack"

    enum CodingKeys: String, CodingKey { case serviceName = "svc_name" }
  }

  struct Unmapped: Encodable {
    var outcome: String
    var details: [String: String]
    var leafHash: String

    enum CodingKeys: String, CodingKey {
      case outcome, details
      case leafHash = "leaf_hash"
    }
  }

  static let category = 6
  static let kind = 6003

  var activity: Int
  var severity: Int
  var status: Int
  var time: Int64
  var metadata: Metadata
  var actor: Actor
  var api: Operation
  var resources: [Named]
  var unmapped: Unmapped

  enum CodingKeys: String, CodingKey {
    case time, metadata, actor, api, resources, unmapped
    case activity = "activity_id"
    case category = "category_uid"
    case kind = "class_uid"
    case type = "type_uid"
    case severity = "severity_id"
    case status = "status_id"
    case source = "src_endpoint"
  }

  init(_ record: AuditRecordResource) {
    activity = Self.activity(of: record.action)
    // Informational, or medium for what was refused or failed.
    severity = record.isRefusal ? 3 : 1
    status = record.isRefusal ? 2 : 1
    time = Int64((record.time.timeIntervalSince1970 * 1_000).rounded(.down))
    metadata = Metadata(uid: "\(record.index)", sequence: record.index)
    actor = Actor(user: Named(name: record.actor))
    api = Operation(operation: record.action)
    resources = [Named(name: record.target)]
    unmapped = Unmapped(outcome: record.outcome, details: record.details, leafHash: record.leafHash)
  }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(activity, forKey: .activity)
    try fields.encode(Self.category, forKey: .category)
    try fields.encode(Self.kind, forKey: .kind)
    try fields.encode(Self.kind * 100 + activity, forKey: .type)
    try fields.encode(severity, forKey: .severity)
    try fields.encode(status, forKey: .status)
    try fields.encode(time, forKey: .time)
    try fields.encode(metadata, forKey: .metadata)
    try fields.encode(actor, forKey: .actor)
    try fields.encode(api, forKey: .api)
    try fields.encode(resources, forKey: .resources)
    try fields.encode(Endpoint(), forKey: .source)
    try fields.encode(unmapped, forKey: .unmapped)
  }

  /// Create, read, update, delete, or 99 for others.
  private static func activity(of action: String) -> Int {
    switch action.split(separator: ".").last {
    case "create", "issue", "record": 1
    case "read", "list", "get": 2
    case "update", "apply", "set", "rotate", "start", "stop": 3
    case "delete", "revoke": 4
    default: 99
    }
  }
}

extension AuditRecordResource {
  /// Whether what it tells of did not come to pass.
  var isRefusal: Bool { outcome == "denied" || outcome == "failed" }
}
