import APIClient
import ArgumentParser
import Foundation

/// Which recorder keeps what a program of a cluster tells.
struct RecorderOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The recorder that keeps it, an https URL.", valueName: "url"))
  var recorder: String?

  @Option(
    help: ArgumentHelp("File of the roots that vouch for the recorder, PEM; read again.", valueName: "file"),
    completion: .file())
  var recorderCa: String?

  @Option(
    help: ArgumentHelp(
      "File of a service account's token for the audience 'lobstack-recorder'; read again.", valueName: "file"),
    completion: .file())
  var recorderToken: String?

  func validate() throws {
    let given = [recorder, recorderCa, recorderToken].count { $0 != nil }
    guard given == 0 || given == 3 else {
      throw ValidationError("--recorder, --recorder-ca and --recorder-token go together")
    }
    guard let recorder else { return }
    guard let url = URL(string: recorder), url.scheme == "https", url.host() != nil else {
      throw ValidationError("--recorder is no https URL: '\(recorder)'")
    }
  }

  /// `nil` where nothing is kept.
  var settings: RecorderClient.Settings? {
    guard let recorder, let recorderCa, let recorderToken else { return nil }
    return RecorderClient.Settings(address: recorder, authority: recorderCa, token: recorderToken)
  }
}
