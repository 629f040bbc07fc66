import Crypto
import TextEncodings

/// One file of the page that is served at `/dashboard/`.
package struct DashboardFile: Sendable {
  package let bytes: [UInt8]
  package let mediaType: String
  /// Of the content (RFC 9110 §8.8.3).
  package let entityTag: String

  private init(_ bytes: [UInt8], _ mediaType: String) {
    self.bytes = bytes
    self.mediaType = mediaType
    entityTag = "\"\(Hexadecimal.encode(SHA256.hash(data: bytes).prefix(16)))\""
  }

  private static func page(_ bytes: [UInt8]) -> Self { Self(bytes, "text/html; charset=utf-8") }
  private static func style(_ bytes: [UInt8]) -> Self { Self(bytes, "text/css; charset=utf-8") }
  private static func script(_ bytes: [UInt8]) -> Self { Self(bytes, "text/javascript; charset=utf-8") }
  private static func image(_ bytes: [UInt8]) -> Self { Self(bytes, "image/svg+xml") }

  /// - Returns: `nil` when there is no such file.
  package static func named(_ name: String) -> DashboardFile? { all[name] }

  package static let all: [String: DashboardFile] = [
    "agent-actions.js": script(PackageResources.agent_actions_js),
    "agent-egress.js": script(PackageResources.agent_egress_js),
    "alert-stream.js": script(PackageResources.alert_stream_js),
    "alert-table.js": script(PackageResources.alert_table_js),
    "api.js": script(PackageResources.api_js),
    "app.js": script(PackageResources.app_js),
    "audit-proof.js": script(PackageResources.audit_proof_js),
    "denial-words.js": script(PackageResources.denial_words_js),
    "dom.js": script(PackageResources.dom_js),
    "egress.js": script(PackageResources.egress_js),
    "icon.svg": image(PackageResources.icon_svg),
    "index.html": page(PackageResources.index_html),
    "layer-picture.js": script(PackageResources.layer_picture_js),
    "layers.js": script(PackageResources.layers_js),
    "logs.js": script(PackageResources.logs_js),
    "messages.js": script(PackageResources.messages_js),
    "router.js": script(PackageResources.router_js),
    "run-chart.js": script(PackageResources.run_chart_js),
    "session.js": script(PackageResources.session_js),
    "start.js": script(PackageResources.start_js),
    "states.js": script(PackageResources.states_js),
    "style.css": style(PackageResources.style_css),
    "table.js": script(PackageResources.table_js),
    "text.js": script(PackageResources.text_js),
    "usage.js": script(PackageResources.usage_js),
    "view-agent.js": script(PackageResources.view_agent_js),
    "view-agents.js": script(PackageResources.view_agents_js),
    "view-alerts.js": script(PackageResources.view_alerts_js),
    "view-audit-record.js": script(PackageResources.view_audit_record_js),
    "view-audit.js": script(PackageResources.view_audit_js),
    "view-denials.js": script(PackageResources.view_denials_js),
    "view-login.js": script(PackageResources.view_login_js),
    "view-new-agent.js": script(PackageResources.view_new_agent_js),
    "view-platform.js": script(PackageResources.view_platform_js),
    "view-soc2.js": script(PackageResources.view_soc2_js),
    "view-verify.js": script(PackageResources.view_verify_js),
  ]
}
