import Hummingbird
import NIOCore
import Turns

/// The body of an answer, which tasks write one after the other.
///
/// `@unchecked`: the writer is used within a turn alone.
final class AnswerBody: @unchecked Sendable {
  private var writer: any ResponseBodyWriter
  private let turn = Turn()

  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  func write(_ buffer: ByteBuffer) async throws { try await turn.take { try await self.writer.write(buffer) } }

  func finish() async throws { try await turn.take { try await self.writer.finish(nil) } }
}
