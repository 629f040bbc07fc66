import APIModel
import AgentModel
import Foundation
import Testing

@Suite("An export of a platform's agents", .enabled(if: rootTests), .timeLimit(.minutes(4)))
struct ExportTests {
  @Test("makes the same agents where it is applied, and says what does not go along") func export() async throws {
    try await withPlatform { platform in
      try await platform.run("secret", "set", "token", input: "value").ok()
      let file = "\(platform.directory)/agent.yaml"
      try """
      apiVersion: lobstack.dev/v1
      kind: Agent
      metadata: {name: bot, labels: {team: support}}
      spec:
        image: \(platform.image)
        command: [/bin/sleep, "600"]
        env: {LEVEL: "no"}
        ports: {http: 8080}
        secrets: [{name: token}]
        egress: [{host: api.example.com}]
      """.write(toFile: file, atomically: true, encoding: .utf8)
      try await platform.run("agent", "create", "-f", file).ok()
      let before = try await platform.run("agent", "get", "bot", "-o", "json").ok().json(AgentResource.self)

      let directory = "\(platform.directory)/export"
      let told = try await platform.run("export", "--output", directory).ok()
      #expect(told.error.contains("set the secrets token"), "\(told)")
      try await platform.run("agent", "delete", "bot", "--wait").ok()
      try await platform.run("agent", "apply", "-f", "\(directory)/default/bot.yaml").ok()
      let after = try await platform.run("agent", "get", "bot", "-o", "json").ok().json(AgentResource.self)
      #expect(after.spec == before.spec && after.metadata.labels == before.metadata.labels)

      let cluster = try await platform.run("export", "--kubernetes").ok()
      #expect(cluster.output.contains("namespace: lobstack-agents\n") && !cluster.output.contains("tenant:"))
      #expect(cluster.error.contains("no cluster pulls \(platform.image)"), "\(cluster)")
    }
  }
}
