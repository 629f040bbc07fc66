import AgentModel
import Framing
import NIOCore
import NodeProtocol
import Testing

@Suite("A frame") struct FrameTests {
  @Test("comes out as it went in, however it is cut") func roundTrip() throws {
    let frames = [Frame(.standardOutput, ByteBuffer(string: "hello")), Frame(.endOfInput), Frame(.exit)]
    var bytes = ByteBuffer()
    for frame in frames { frame.write(into: &bytes) }
    var received: [Frame] = []
    var buffer = ByteBuffer()
    for byte in Array(buffer: bytes) {
      buffer.writeInteger(byte)
      while let frame = try Frame.read(from: &buffer) { received.append(frame) }
    }
    #expect(received == frames)
    #expect(buffer.readableBytes == 0)
  }

  @Test("of unknown kind or too great a length is refused") func refused() {
    var unknown = ByteBuffer(bytes: [99, 0, 0, 0, 0])
    #expect(throws: FrameError.unknownKind(99)) { try Frame.read(from: &unknown) }
    var long = ByteBuffer(bytes: [0, 0xff, 0xff, 0xff, 0xff])
    #expect(throws: FrameError.tooLong(0xffff_ffff)) { try Frame.read(from: &long) }
  }

  @Test("never traps on random bytes") func fuzz() {
    for _ in 0..<20_000 {
      var buffer = ByteBuffer(bytes: (0..<Int.random(in: 0..<24)).map { _ in UInt8.random(in: 0...9) })
      _ = try? Frame.read(from: &buffer)  // refusing is as good as reading; only a trap would fail
    }
  }
}
