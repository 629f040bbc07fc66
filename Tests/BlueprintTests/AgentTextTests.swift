import AgentModel
import Blueprint
import Foundation
import Manifests
import Testing

@Suite("An Agent as text") struct AgentTextTests {
  private static let documents = [
    """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: bot}
    spec: {image: "dir:/srv/bot"}
    """,
    """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata:
      name: "0"
      tenant: acme
      labels: {team: "on", "example.com/x": "1.5"}
    spec:
      image: docker://registry.example.com/team/bot@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      tier: enterprise
      command: [/bin/sh, -c, "echo 'a'\\n# not a comment\\nexit 1\\n", "", "  x", "y: z"]
      env: {A: "", B: "no", C: "a\\tb", D: "line\\n\\n", E: "ä\\u2028b"}
      workspace: {size: 17Mi}
      ports: {http: 8080, chat: 8765}
      secrets: [{name: crm-token}, {name: "1"}]
      egress:
        - host: api.example.com
          credential: {secret: key, header: authorization}
          methods: [POST, GET]
          paths: [/v1/messages, /v2/*]
          expires: "2027-01-01T00:00:00Z"
        - host: other.example.com
          credential: {secret: key, header: x-key, prefix: ""}
        - host: "*.example.org"
      restartPolicy: Never
      response: kill
    """,
  ]

  @Test("is read again as the same Agent", arguments: documents) func roundTrip(document: String) throws {
    let agent = try parseAgent(document, source: "before")
    let text = try AgentText(agent).description
    #expect(try parseAgent(text, source: "after") == agent, "\(text)")
    #expect(try AgentText(parseAgent(text, source: "after")).description == text)
  }

  @Test("is a document as the API shows it, too", arguments: documents) func shown(document: String) throws {
    let agent = try parseAgent(document, source: "before")
    let spec = String(decoding: try JSONEncoder().encode(agent.spec), as: UTF8.self)
    let text = #"{"apiVersion":"lobstack.dev/v1","kind":"Agent","metadata":{"name":"a"},"spec":\#(spec)}"#
    #expect(try parseAgent(text, source: "shown").spec == agent.spec, "\(text)")
  }

  @Test("says its namespace for a cluster, and not its tenant") func cluster() throws {
    let agent = try parseAgent(Self.documents[1], source: "agent")
    let text = try AgentText(agent, for: .cluster(namespace: "lobstack-agents-acme")).description
    var document = try Fields(try Manifest.parseOne(text, source: "text"))
    var metadata = try Fields(try document.require("metadata"))
    let namespace = try metadata.require("namespace").string()
    let tenant = metadata.take("tenant")
    #expect(namespace == "lobstack-agents-acme" && tenant == nil)
  }
}
