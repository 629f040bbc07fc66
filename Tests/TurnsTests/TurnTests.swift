import Testing
import Turns

@Suite("A turn") struct TurnTests {
  @Test("is taken by so many callers at a time as there are places, and by each in the end", arguments: [1, 3])
  func places(_ places: Int) async throws {
    let turn = Turn(places: places)
    let count = Count()
    await withDiscardingTaskGroup { group in
      for _ in 0..<50 {
        group.addTask {
          await turn.take {
            await count.enter()
            // Until all places were taken at once, which a turn with fewer never shows.
            for _ in 0..<10_000 where await count.most < places { await Task.yield() }
            for _ in 0..<20 { await Task.yield() }
            await count.leave()
          }
        }
      }
    }
    #expect(await count.most == places)
    #expect(await count.all == 50)
  }

  @Test("is given back by a body that throws") func thrown() async throws {
    let turn = Turn()
    await #expect(throws: CancellationError.self) { try await turn.take { throw CancellationError() } }
    #expect(await turn.take { true })
  }

  private actor Count {
    private var now = 0
    private(set) var most = 0
    private(set) var all = 0

    func enter() {
      now += 1
      most = max(most, now)
      all += 1
    }

    func leave() { now -= 1 }
  }
}
