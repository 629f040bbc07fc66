import Testing
import TraceWriting

@testable import GuestTrace

@Suite("A message of a trace")
struct TraceMessageTests {
  /// What a message says of its header and context, copied out of it.
  struct Parts: Hashable {
    var kind: UInt16
    var dropped: UInt32
    var process: UInt64
    var thread: UInt64
    var container: String
    var cwd: String
    var name: String
    var user: UInt64
    var hasCredentials: Bool
    var payload: Int
  }

  private func parts(_ message: [UInt8]) throws -> Parts? {
    try message.withUnsafeBytes { bytes -> Parts? in
      guard let decoded = try TraceMessage(bytes) else { return nil }
      let context = decoded.context
      return Parts(
        kind: decoded.kind.rawValue, dropped: decoded.dropped, process: context.process, thread: context.thread,
        container: String(decoding: context.container, as: UTF8.self),
        cwd: String(decoding: context.cwd, as: UTF8.self),
        name: String(decoding: context.name, as: UTF8.self), user: context.effectiveUser,
        hasCredentials: context.hasCredentials, payload: decoded.payload.count)
    }
  }

  @Test("has a header and a context") func context() throws {
    let message = MessageBuilder.make(7, process: 5, thread: 6, name: "cat", cwd: "/tmp", user: 0, dropped: 3) {
      $0.number(3, UInt64(257))
    }
    #expect(
      try parts(message)
        == Parts(
          kind: 7, dropped: 3, process: 5, thread: 6, container: "default.a1", cwd: "/tmp", name: "cat", user: 0,
          hasCredentials: true, payload: message.count - 8))
  }

  @Test("may have no context at all") func bare() throws {
    #expect(
      try parts([8, 0, 5, 0, 0, 0, 0, 0])
        == Parts(
          kind: 5, dropped: 0, process: 0, thread: 0, container: "", cwd: "", name: "", user: 0, hasCredentials: false,
          payload: 0))
  }

  @Test("may have a longer header, of a newer gVisor") func longerHeader() throws {
    let message = MessageBuilder.make(7, process: 5) { _ in }
    var longer: [UInt8] = [12, 0]
    longer += message[2..<8]
    longer += [9, 9, 9, 9]
    longer += message[8...]
    #expect(try parts(longer) == parts(message))
  }

  @Test("may have fields that are not known, and have known ones twice") func unknownFields() throws {
    var context = MessageBuilder()
    context.number(4, UInt64(5))
    context.number(77, UInt64(1))
    context.text(78, "new")
    context.number(4, UInt64(6))
    var payload = MessageBuilder()
    payload.text(99, "new")
    payload.bytes(1, context.payload)
    let read = try #require(try parts([8, 0, 7, 0, 0, 0, 0, 0] + payload.payload))
    #expect(read.process == 6)
  }

  @Test("whose fields have other types than they should is read without them") func otherTypes() throws {
    var context = MessageBuilder()
    context.text(4, "text")
    context.number(6, UInt64(1))
    context.number(7, UInt64(1))
    context.text(1, "text")
    var payload = MessageBuilder()
    payload.bytes(1, context.payload)
    let read = try #require(try parts([8, 0, 7, 0, 0, 0, 0, 0] + payload.payload))
    #expect(read.process == 0 && read.container == "" && !read.hasCredentials)
    // A context that is a number is none.
    #expect(try parts([8, 0, 7, 0, 0, 0, 0, 0, 0x08, 0x01])?.process == 0)
  }

  @Test(
    "of a kind that is not known is nothing",
    arguments: [0, 20, 22, 26, 27, 28, 30, 35, 36, 500, 65_535] as [UInt16])
  func unknownKinds(kind: UInt16) throws { #expect(try parts(MessageBuilder.make(kind) { _ in }) == nil) }

  @Test(
    "is refused",
    arguments: [
      ([], .tooShort), ([8, 0, 7, 0, 0, 0, 0], .tooShort), ([7, 0, 7, 0, 0, 0, 0, 0], .badHeader),
      ([0, 0, 7, 0, 0, 0, 0, 0], .badHeader), ([9, 0, 7, 0, 0, 0, 0, 0], .badHeader),
      ([0xff, 0xff, 7, 0, 0, 0, 0, 0], .badHeader), ([8, 0, 7, 0, 0, 0, 0, 0, 0x0a, 5], .malformed),
      ([8, 0, 7, 0, 0, 0, 0, 0, 0x0b], .malformed),
      // In the context, and in the credentials within it.
      ([8, 0, 7, 0, 0, 0, 0, 0, 0x0a, 1, 0x08], .malformed),
      ([8, 0, 7, 0, 0, 0, 0, 0, 0x0a, 3, 0x3a, 1, 0x08], .malformed),
    ] as [([UInt8], TraceMessage.Refusal)])
  func refused(message: [UInt8], refusal: TraceMessage.Refusal) throws {
    let error = try #require(throws: TraceMessage.Refusal.self) { _ = try parts(message) }
    #expect(error == refusal)
  }

  @Test("tells how many were lost also when it is of no use") func dropped() {
    let count = [UInt8]([0, 0, 0xff, 0xff, 1, 2, 3, 4]).withUnsafeBytes { TraceMessage.droppedCount($0) }
    #expect(count == 0x0403_0201)
    let short = [UInt8]([8, 0, 7, 0, 1, 2, 3]).withUnsafeBytes { TraceMessage.droppedCount($0) }
    #expect(short == nil)
  }
}
