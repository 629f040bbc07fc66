/// How a call ended that did not end well: a status of gRPC.
struct CallStatus: Error, Hashable, CustomStringConvertible {
  let code: Code
  let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The numbers of https://grpc.github.io/grpc/core/md_doc_statuscodes.html
  enum Code: Int {
    case invalidArgument = 3
    case deadlineExceeded = 4
    case permissionDenied = 7
    case resourceExhausted = 8
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
  }

  var description: String { "\(code): \(message)" }

  /// The message as a header holds it: everything but printable ASCII without '%' is percent-encoded.
  var headerMessage: String {
    let digits = Array("0123456789ABCDEF".utf8)
    let encoded = message.utf8.prefix(1024).flatMap { byte -> [UInt8] in
      (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%")
        ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
