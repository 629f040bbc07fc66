import Faults
import Foundation
import JSONValues
import Testing

@testable import KubernetesAPI

@Suite("A program that gives credentials", .timeLimit(.minutes(1))) struct ExecProgramTests {
  private let directory: TestDirectory

  init() throws { directory = try TestDirectory() }

  /// The configuration of a kubeconfig that names the program.
  private func configuration(_ exec: String, cluster: String = "server: https://a:6443") throws
    -> KubernetesConfiguration
  {
    var kubeconfig = Kubeconfig()
    try kubeconfig.add(
      """
      current-context: a
      clusters: [{name: a, cluster: {\(cluster)}}]
      contexts: [{name: a, context: {cluster: a, user: a}}]
      users: [{name: a, user: {exec: {\(exec)}}}]
      """, path: "\(directory.path)/config")
    return try kubeconfig.configuration(environment: ["PATH": "/usr/bin:/bin", "HOME": "/home/eve"])
  }

  private func program(_ script: String) throws {
    _ = try directory.write("give", "#!/bin/sh\n\(script)\n", executable: true)
  }

  private static let version = "apiVersion: client.authentication.k8s.io/v1"

  private func credential(
    _ status: String, version: String = "client.authentication.k8s.io/v1", exec: String = ""
  ) async throws -> ExecCredential {
    try program("printf %s '{\"kind\":\"ExecCredential\",\"apiVersion\":\"\(version)\",\"status\":\(status)}'")
    let found = try configuration("\(Self.version), command: ./give\(exec)")
    return try await #require(found.credentials.program).run()
  }

  @Test("gives a token, with its end") func token() async throws {
    defer { directory.remove() }
    for (text, second) in [("2030-01-01T00:00:00Z", 0), ("2030-01-01T02:00:00.5+02:00", 0.5)] {
      let found = try await credential(#"{"token":"abc","expirationTimestamp":"\#(text)"}"#)
      #expect(found.token == "abc")
      #expect(found.expiry == Date(timeIntervalSince1970: 1_893_456_000 + second))
    }
    #expect(try await credential(#"{"token":"abc"}"#).expiry == nil)
  }

  @Test("gives a certificate with its key") func certificate() async throws {
    defer { directory.remove() }
    let found = try await credential(#"{"clientCertificateData":"C\n","clientKeyData":"K\n"}"#)
    #expect(found.clientCertificate == "C\n" && found.clientKey == "K\n" && found.token == nil)
  }

  @Test(
    "is refused when what it answers is no credential, without a word of that",
    arguments: [
      #"{}"#, #"{"token":""}"#, #"{"token":"s3cret x"}"#, #"{"token":"s3cret","expirationTimestamp":"soon"}"#,
      #"{"clientKeyData":"s3cret"}"#, #"{"clientCertificateData":"s3cret"}"#, #""s3cret""#,
    ])
  func refusals(status: String) async throws {
    defer { directory.remove() }
    let fault = await #expect(throws: Fault.self) { try await credential(status) }
    #expect(fault?.code == .unauthenticated)
    #expect(fault?.description.contains("s3cret") == false)
  }

  @Test("is refused when it answers another version, or no JSON") func otherVersion() async throws {
    defer { directory.remove() }
    let fault = await #expect(throws: Fault.self) {
      try await credential(#"{"token":"a"}"#, version: "client.authentication.k8s.io/v1beta1")
    }
    #expect(fault?.reason.contains("answers version 'client.authentication.k8s.io/v1beta1'") == true)
    try program("echo hello")
    let found = try configuration("\(Self.version), command: ./give")
    await #expect(throws: Fault.self) { try await found.credentials.program?.run() }
  }

  @Test("is told of the cluster, of its own variables and of this process' ones") func environment() async throws {
    defer { directory.remove() }
    try program("env > \(directory.path)/environment; echo \"$@\" > \(directory.path)/arguments; exit 3")
    let authority = Data(TestCertificate.pem.utf8).base64EncodedString()
    let found = try configuration(
      "\(Self.version), command: ./give, args: [one, two three], provideClusterInfo: true, interactiveMode: Never, "
        + "env: [{name: A, value: b}]",
      cluster: "server: https://a:6443, tls-server-name: k, certificate-authority-data: \(authority), "
        + "extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: x, n: 3}}]")
    let fault = await #expect(throws: Fault.self) { try await found.credentials.program?.run() }
    #expect(fault?.reason.hasPrefix("it ended with exit code 3") == true)
    let lines = try String(contentsOfFile: "\(directory.path)/environment", encoding: .utf8).split(separator: "\n")
    #expect(lines.contains("A=b") && lines.contains("HOME=/home/eve"))
    #expect(try String(contentsOfFile: "\(directory.path)/arguments", encoding: .utf8) == "one two three\n")
    let name = "KUBERNETES_EXEC_INFO="
    let told = try JSON(Array(try #require(lines.first { $0.hasPrefix(name) }).dropFirst(name.count).utf8))
    #expect(
      told == [
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "spec": [
          "interactive": false,
          "cluster": [
            "server": "https://a:6443", "tls-server-name": "k", "certificate-authority-data": .string(authority),
            "config": ["audience": "x", "n": 3],
          ],
        ],
      ])
  }

  @Test("tells what it said when it fails, and what the kubeconfig says when it is not there") func failures()
    async throws
  {
    defer { directory.remove() }
    try program("echo 'log in with: cloud login' >&2; exit 1")
    let failing = try configuration("\(Self.version), command: ./give")
    let fault = await #expect(throws: Fault.self) { try await failing.credentials.program?.run() }
    #expect(fault?.reason == "it ended with exit code 1: log in with: cloud login")
    let absent = try configuration("\(Self.version), command: no-such-cloud, installHint: apt install cloud")
    let missing = await #expect(throws: Fault.self) { try await absent.credentials.program?.run() }
    #expect(missing?.code == .notFound && missing?.remedy == "apt install cloud")
  }

  @Test(
    "is refused in a kubeconfig that cannot be followed",
    arguments: [
      "apiVersion: client.authentication.k8s.io/v1alpha1, command: a", "command: a",
      "apiVersion: client.authentication.k8s.io/v1",
      "apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Always",
      "apiVersion: client.authentication.k8s.io/v1, command: a, args: {}",
      "apiVersion: client.authentication.k8s.io/v1, command: a}, token: {",
    ])
  func badConfiguration(exec: String) {
    defer { directory.remove() }
    #expect(throws: Fault.self) { try configuration(exec) }
  }
}
