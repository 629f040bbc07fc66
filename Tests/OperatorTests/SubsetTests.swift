import JSONValues
import Testing

@testable import Operator

@Suite("What an object says") struct SubsetTests {
  @Test(
    "is as wanted when it has all that is wanted, whatever the API server added",
    arguments: [
      (#"{"a":1}"#, #"{"a":1,"b":2}"#, true), (#"{"a":1}"#, #"{"a":2}"#, false), (#"{"a":1}"#, #"{}"#, false),
      (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"c","d":"e"}}"#, true), (#"{"a":[]}"#, #"{}"#, true),
      (#"{"a":{}}"#, #"{}"#, true), (#"{"a":{"b":[]}}"#, #"{}"#, true),
      (#"{"a":[{"n":1}]}"#, #"{"a":[{"n":1,"p":"TCP"}]}"#, true), (#"{"a":[1]}"#, #"{"a":[1,2]}"#, false),
      (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, false), (#"{"a":""}"#, #"{}"#, true), (#"{"a":false}"#, #"{}"#, false),
      (#"{"a":"1"}"#, #"{"a":1}"#, false),
    ])
  func says(wanted: String, have: String, isSo: Bool) throws {
    #expect(try JSON(Array(have.utf8)).says(JSON(Array(wanted.utf8))) == isSo)
  }
}
