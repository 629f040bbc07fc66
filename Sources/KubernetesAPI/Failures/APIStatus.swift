import JSONValues

/// What the API server says of a request that failed (`meta/v1` Status).
struct APIStatus: Hashable, Sendable {
  struct Cause: Hashable, Sendable {
    var reason: String
    var message: String
    var field: String
  }

  /// HTTP's.
  var code: Int
  /// A word for programs: `NotFound`, `Conflict`; empty when there is none.
  var reason = ""
  /// For people.
  var message = ""
  /// Of the object that it is about; empty when it is about none.
  var name = ""
  /// The plural or the kind of that object.
  var kind = ""
  var causes: [Cause] = []
  /// Seconds.
  var retryAfter: Int?

  init(code: Int, reason: String = "", message: String = "") {
    self.code = code
    self.reason = reason
    self.message = message
  }

  init(_ json: JSON) {
    code = json["code"]?.int ?? 0
    reason = json["reason"]?.string ?? ""
    message = json["message"]?.string ?? ""
    let details = json["details"]
    name = details?["name"]?.string ?? ""
    kind = details?["kind"]?.string ?? ""
    retryAfter = details?["retryAfterSeconds"]?.int.flatMap { $0 > 0 ? $0 : nil }
    causes = (details?["causes"]?.array ?? []).map {
      Cause(
        reason: $0["reason"]?.string ?? "", message: $0["message"]?.string ?? "", field: $0["field"]?.string ?? "")
    }
  }
}

/// An answer that is no success.
struct Refusal: Error {
  let status: APIStatus
  /// Whether it is a Status: something else than an API server may answer at its address.
  let isOfAPI: Bool
  /// What it is instead.
  var mediaType = ""

  /// - Parameter retryAfter: the header's, in seconds.
  init(code: Int, mediaType: String, retryAfter: Int?, body: [UInt8]) {
    self.mediaType = mediaType
    let json = try? JSON(body)
    if let json, json["kind"]?.string == "Status" {
      var status = APIStatus(json)
      status.code = code
      status.retryAfter = retryAfter ?? status.retryAfter
      self.status = status
      isOfAPI = true
    } else {
      let text = String(decoding: body.prefix(400), as: UTF8.self)
      status = APIStatus(code: code, message: text)
      isOfAPI = false
    }
  }

  init(_ status: APIStatus) {
    self.status = status
    isOfAPI = true
  }
}
