import AgentModel
import Foundation
import Testing

@Suite("A second of UTC") struct UTCTimeTests {
  @Test("is the same as text and as a time, whichever it was made of")
  func seconds() throws {
    let time = UTCTime(Date(timeIntervalSince1970: 1_796_126_400.75))
    #expect(time.description == "2026-12-01T12:00:00Z" && time.date.timeIntervalSince1970 == 1_796_126_400)
    #expect(UTCTime("2026-12-01T12:00:00Z") == time && UTCTime("2026-12-01T12:00:00.75Z") == nil)
  }
}
