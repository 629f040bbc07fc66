import NIOCore

/// Told outbound to a connection's pipeline.
enum StreamEvent: Sendable { case began, ended }

/// Closes a connection on which nothing moves, unless a stream runs on it: an exec whose program says nothing for hours
/// is not idle, nor is one whose program reads none of its input.
///
/// Acts on the events of the `NIOCore.IdleStateHandler` before it in the pipeline.
final class IdleConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias OutboundIn = NIOAny

  private var isStreaming = false

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard let event = event as? StreamEvent else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    isStreaming = event == .began
    promise?.succeed()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
    if !isStreaming { context.close(promise: nil) }
  }
}
