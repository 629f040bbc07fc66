import APIModel
import AgentModel
import Foundation
import Testing

@Suite("The dashboard", .enabled(if: rootTests && Browser.isThere), .serialized, .timeLimit(.minutes(5)))
struct DashboardTests {
  @Test("lets in by keyboard alone, refuses a wrong token with the reason, keeps the place, and logs out")
  func login() async throws {
    try await withPlatform { platform in
      try await DashboardPage.with(platform) { page, browser in
        try await page.open()
        try await browser.type("lob_wrong" + Browser.enter)
        try await browser.sees("What to do:", in: "#login-fault")
        #expect(try await !browser.text("#login-fault").contains("lob_wrong"))

        // The field has the focus again, with the wrong token marked.
        let token = try await page.token("operator")
        try await browser.type(token + Browser.enter)
        try await browser.sees("Platform", in: "main h1")
        try await browser.sees("token:page-operator")
        let kept: Bool = try await browser.run(
          "return document.cookie === '' && localStorage.length === 0 && sessionStorage.length === 0")
        #expect(kept, "what the page's scripts can read holds something of the session")

        // From the page's beginning: the skip link, the brand, and then the views.
        let _: Bool = try await browser.run(
          "document.activeElement.blur(); getSelection().removeAllRanges(); document.getElementById('skip').focus(); return true"
        )
        for _ in 0..<3 { try await browser.type(Browser.tab) }
        #expect(try await browser.run("return document.activeElement.textContent") == "Agents")
        try await browser.type(Browser.enter)
        try await browser.sees("There are no agents yet.")
        #expect(try await browser.run("return document.activeElement.tagName") == "H1")
        #expect(try await browser.run("return document.title") == "Agents · Lobstack")

        // A session that is over leads to the login and back to the same place.
        try await browser.clearCookies()
        try await page.go("/denials")
        try await browser.sees("Your session is over.")
        try await browser.type(token + Browser.enter)
        try await browser.sees("Nothing was denied.")

        try await browser.press("Log out")
        try await browser.sees("You are logged out.")
        try await browser.open("https://localhost:\(platform.port)/healthz")
        try await page.open()
        #expect(try await !browser.text("body").contains("Log out"))
      }
    }
  }

  @Test("says why a request was denied, and allows its host for an hour with one click") func allows() async throws {
    try await InternetStub.with { internet in
      try await withPlatform(options: { _ in internet.options }) { platform in
        let image = String(platform.image.dropFirst("dir:".count))
        try await ProbeImage.addCurl(at: image)
        try FileManager.default.copyItem(atPath: internet.authority, toPath: "\(image)/etc/ca.crt")
        try await platform.run("secret", "set", "crm-token", input: "x").ok()
        let file = "\(platform.directory)/bot.yaml"
        try """
        apiVersion: lobstack.dev/v1
        kind: Agent
        metadata: {name: bot}
        spec:
          image: \(platform.image)
          command: [sh, -c, "trap 'exit 0' TERM; sleep 36000 & wait"]
          secrets: [{name: crm-token}]
        """.write(toFile: file, atomically: true, encoding: .utf8)
        try await platform.run("agent", "create", "-f", file, "--wait", timeout: .seconds(150)).ok()
        func status() async throws -> String {
          try await platform.exec(
            "bot", "curl", "-s", "--cacert", "/etc/ca.crt", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}",
            "https://other.example.com/"
          ).output
        }
        #expect(try await status() == "000")
        // What no rule may open.
        _ = try await platform.exec("bot", "curl", "-s", "--max-time", "2", "http://169.254.169.254/")

        try await DashboardPage.with(platform) { page, browser in
          try await page.logIn(as: "operator")
          try await eventually("the denials are there") {
            try await page.go("/denials", heading: "Denials")
            let text = try await browser.text()
            if text.contains("other.example.com"), text.contains("169.254.169.254") { return true }
            try await page.go("/agents", heading: "Agents")
            return false
          }
          let text = try await browser.text()
          #expect(text.contains("A host that is not on the agent's list"), "\(text)")
          #expect(
            text.contains("A destination that is always closed") && text.contains("No rule of an agent can allow it"))
          #expect(try await browser.run("return document.querySelectorAll('[data-allow]').length") == 1)

          try await browser.press("Allow other.example.com")
          try await browser.sees("Agent default/bot may then reach other.example.com", in: "dialog")
          let _: Bool = try await browser.run("document.querySelector('dialog select').value = '3600'; return true")
          try await browser.press("Allow")
          try await browser.sees("Allowed now")
          try await eventually("the agent reaches the host") { try await status() == "200" }

          // The document has the rule with its end, and the agent's page tells of it.
          let document = try await platform.run("agent", "get", "bot", "-o", "json").ok().output
          let expires = document.firstMatch(of: #/"expires" : "([^"]+)"/#).flatMap { APIJSON.date(String($0.1)) }
          #expect(expires.map { (3_300...3_600).contains($0.timeIntervalSinceNow) } == true, "\(document)")
          try await page.go("/agents/default/bot", heading: "default/bot")
          try await browser.sees("allowed now")
          try await browser.sees("file /vault/secrets/crm-token")
          try await browser.press("Close")
          try await browser.sees("Close other.example.com?", in: "dialog")
          try await browser.press("Close")
          try await eventually("the host is closed again") { try await status() == "000" }
          #expect(try await platform.agent("bot").status.restarts == 0)
        }
      }
    }
  }

  @Test("quarantines, starts and deletes an agent once it asked, and tells a viewer why they may not")
  func acts() async throws {
    try await withPlatform { platform in
      try await platform.create("bot")
      try await platform.create("other")
      try await DashboardPage.with(platform) { page, browser in
        try await page.logIn(as: "operator")
        try await page.go("/agents/default/bot", heading: "default/bot")
        try await browser.press("Quarantine")
        try await browser.sees("Quarantine agent default/bot?", in: "dialog")
        try await browser.type(Browser.escape)
        #expect(try await platform.agent("bot").status.phase == .running)
        try await browser.press("Quarantine")
        try await browser.press("Quarantine")
        try await browser.sees("Quarantined", in: "main .title")
        #expect(try await platform.agent("bot").status.phase == .quarantined)
        try await browser.press("Start")
        try await browser.press("Start")
        try await browser.sees("Running", in: "main .title")

        try await browser.press("Delete")
        try await browser.sees("Delete agent default/bot?", in: "dialog")
        // Who presses Enter in haste deletes nothing.
        #expect(try await browser.run("return document.activeElement.textContent") == "Cancel")
        try await browser.press("Delete")
        try await eventually("the agent is gone") { try await platform.run("agent", "get", "bot").code == 1 }
        try await page.go("/denials", heading: "Denials")
        try await page.go("/agents", heading: "Agents")
        try await browser.sees("default/other")
        #expect(try await !browser.text().contains("default/bot"))

        // A new one, with what is wrong said beside its field.
        try await page.go("/agents/new", heading: "New agent")
        try await browser.click("input[name=name]")
        try await browser.type("Bad_Name")
        try await browser.click("input[name=image]")
        try await browser.type(platform.image + Browser.enter)
        try await browser.sees("'Bad_Name' is not valid.", in: ".field:has([name=name])")
        let _: Bool = try await browser.run(
          """
          document.querySelector("[name=name]").value = "third";
          document.querySelector("[name=command]").value = "sleep 36000";
          return true;
          """)
        try await browser.press("Create")
        try await browser.sees("default/third", in: "main h1")

        try await browser.press("Log out")
        try await browser.sees("You are logged out.")
        try await page.logIn(as: "viewer")
        try await page.go("/agents/default/other", heading: "default/other")
        try await browser.sees("needs the role operator; yours is viewer")
        #expect(
          try await browser.run("return document.querySelectorAll('main .actions button.danger:enabled').length") == 0)
        try await page.go("/audit", heading: "Audit log")
        try await browser.sees("needs the role admin; yours is viewer")
      }
    }
  }

  @Test("shows what agents wrote as text, and runs none of it") func hostile() async throws {
    let image = "<img src=x onerror=window.hacked=1>"
    let script = "<script>window.hacked=1</script>"
    try await withPlatform { platform in
      let file = "\(platform.directory)/evil.yaml"
      try """
      apiVersion: lobstack.dev/v1
      kind: Agent
      metadata: {name: evil, labels: {note: javascript.hacked}}
      spec:
        image: \(platform.image)
        env: {NOTE: "\(image)\(script)"}
        command: [sh, -c, "trap 'exit 0' TERM; echo '\(image)'; printf 'turned \\\\342\\\\200\\\\256 round\\\\n'; sleep 36000 & wait", "\(script)"]
      """.write(toFile: file, atomically: true, encoding: .utf8)
      try await platform.run("agent", "create", "-f", file, "--wait", timeout: .seconds(150)).ok()
      _ = try await platform.exec("evil", "cat", "/etc/shadow", image, script)
      // A request to the node proxy with markup in its path.
      _ = try await platform.exec(
        "evil", "sh", "-c",
        "printf 'GET /<img/src=x> HTTP/1.1\\r\\nHost: evil.example.com\\r\\n\\r\\n' | nc -w 2 93.184.215.14 80")
      try await DashboardPage.with(platform) { page, browser in
        try await page.logIn(as: "admin")
        try await eventually("its alert is there") { try await !platform.alerts("evil").isEmpty }

        try await page.go("/agents/default/evil", heading: "default/evil")
        try await browser.sees(image, in: "pre.log")
        try await browser.sees(#"turned \u{202e} round"#, in: "pre.log")
        try await browser.press("Show the document")
        try await browser.sees(script, in: "dialog")
        try await browser.type(Browser.escape)
        for (place, heading) in [
          ("/agents", "Agents"), ("/denials", "Denials"), ("/audit?agent=default/evil", "Audit log"),
          ("/agents?search=\(image)", "Agents"), ("/audit?actor=\(script)", "Audit log"),
        ] { try await page.go(place, heading: heading) }
        try await page.go("/alerts?agent=default/evil", heading: "Alerts")
        try await browser.press("Sensitive path access")
        try await browser.sees(image, in: "dialog")
        try await browser.type(Browser.escape)
        // By the stream, too.
        _ = try await platform.exec("evil", "su", "-c", image)
        try await browser.sees("Privilege change attempt")
        try await page.go("/\(image)")
        try await browser.sees("There is no such page.")
        try await page.go("/denials", heading: "Denials")
        try await browser.sees("evil.example.com/%3Cimg/src=x%3E")

        // As if the platform had let through what it escapes: markup in every text of its answers that no rule bounds.
        let _: Bool = try await browser.run(
          """
          const free = new Set(["host", "path", "details", "remedy", "output", "rule", "evidence", "reason", "detail", "image",
            "command", "target", "actor", "title", "proc.cmdline", "tags", "version", "note", "owner"]);
          const real = window.fetch;
          const spoilt = (value) => typeof value === "string" ? value + arguments[0]
            : Array.isArray(value) ? value.map(spoilt) : value;
          window.fetch = async (address, options) => {
            const answer = await real(address, options);
            if (!answer.headers.get("content-type")?.includes("json")) return answer;
            const text = JSON.stringify(await answer.json(), (key, value) => free.has(key) ? spoilt(value) : value);
            return new Response(text, { status: answer.status, headers: answer.headers });
          };
          return true;
          """, image + script)
        for (place, heading) in [
          ("/", "Platform"), ("/agents", "Agents"), ("/agents/default/evil", "default/evil"), ("/denials", "Denials"),
          ("/audit", "Audit log"), ("/audit/1", "Audit record 1"), ("/alerts", "Alerts"),
        ] {
          try await page.go(place, heading: heading)
          try await browser.sees("<img src=x", in: "main")
        }

        #expect(try await browser.run("return window.hacked === undefined"))
        #expect(
          try await browser.run("return document.querySelectorAll('main img, main script, dialog img').length") == 0)
        #expect(try await page.violations() == [])
        let faults = try await browser.faults().filter { $0.contains("Content Security Policy") }
        #expect(faults == [])
      }
    }
  }

  @Test("checks an audit record's proof by itself, and says so when the answer was changed") func proof() async throws {
    try await withPlatform { platform in
      try await platform.create("bot")
      try await DashboardPage.with(platform) { page, browser in
        try await page.logIn(as: "admin")
        try await page.go("/audit?action=agent.create", heading: "Audit log")
        try await browser.sees("agent default/bot")
        let _: Bool = try await browser.run("document.querySelector('main tbody a').click(); return true")
        try await browser.sees("Verifier key that you kept")
        try await browser.click("#check-proof")
        try await browser.sees("The proof holds", in: "#proof-result")
        try await browser.sees("Ed25519, by the key that came with the answer.")

        // Each change is found, by the step that it concerns.
        let changes = [
          ("p.record.outcome = 'denied'", 0), ("p.record.details.more = 'x'", 0), ("p.record.leafHash = p.rootHash", 1),
          ("p.hashes[0] = p.rootHash", 2), ("p.hashes.push(p.rootHash)", 2), ("p.treeSize += 1", 2),
          ("p.checkpoint = p.checkpoint.replace(/^/, 'x')", 3),
          ("p.verifierKey = p.verifierKey.replace(/.$/, (last) => last === 'A' ? 'B' : 'A')", 3),
        ]
        for (change, step) in changes {
          let _: Bool = try await browser.run(
            """
            const real = window.realFetch ??= window.fetch;
            window.fetch = async (address, options) => {
              const answer = await real(address, options);
              if (!String(address).includes("/audit/proof")) return answer;
              const p = await answer.json();
              \(change);
              return new Response(JSON.stringify(p), { status: 200 });
            };
            document.querySelector("#proof-result").remove();
            return true;
            """)
          try await browser.click("#check-proof")
          try await browser.sees("The proof does not hold", in: "#proof-result")
          let steps: [String] = try await browser.run(
            "return [...document.querySelectorAll('.steps .badge')].map((badge) => badge.textContent)")
          #expect(steps.count == 4 && steps[step] == "does not hold", "\(change): \(steps)")
        }

        // A key that was kept elsewhere decides, not the one that the answer brings.
        let _: Bool = try await browser.run("window.fetch = window.realFetch; return true")
        let other = "lobstack.local/audit/0000000000000000+00000000+AR06CnSJeg3W7gXigxw5GdMTQKw8fuWWtD6/Im+f+/he"
        try await browser.click("input[name=key]")
        try await browser.type(other)
        try await browser.click("#check-proof")
        try await browser.sees("The proof does not hold", in: "#proof-result")
      }
    }
  }

  @Test("draws what an agent uses over time with its limits, and tells it in words and as a table") func usage()
    async throws
  {
    try await withPlatform { platform in
      try await platform.create("bot")
      try await DashboardPage.with(platform) { page, browser in
        try await page.logIn(as: "viewer")
        try await page.go("/agents/default/bot", heading: "default/bot")
        // A sample each ten seconds; the second is the first of which the CPU time is known.
        try await eventually("the use is drawn", within: .seconds(60)) {
          try await browser.run(
            """
            const charts = [...document.querySelectorAll("figure.use svg[role=img]")];
            return charts.length === 3 && charts.every((chart) => /[0-9].*limit [0-9]/.test(chart.getAttribute("aria-label"))
              && /^M[0-9.]+ [0-9.]+/.test(chart.querySelector(".line").getAttribute("d")));
            """)
        }
        let row: [String] = try await browser.run(
          """
          const table = [...document.querySelectorAll("details")].find((one) => one.querySelector("summary").innerText === "As a table");
          table.querySelector("summary").click();
          return [...table.querySelectorAll("tbody tr:first-child .cell")].map((cell) => cell.innerText);
          """)
        #expect(row.count == 4 && row[0].hasSuffix("UTC") && row[2].hasSuffix("MiB"), "\(row)")
        #expect(try await page.violations().isEmpty)
        let uses = try await platform.run("agent", "usage", "bot", "--last", "1", "-o", "json").ok()
        let usage: UsageResource = try uses.json()
        #expect(usage.samples.count == 1 && usage.limits.memoryBytes == 2 << 30)
        let shown = try await platform.run("agent", "get", "bot").ok().output
        #expect(shown.contains("MiB memory"), "\(shown)")
      }
    }
  }

  @Test("calls no layer proven by what is older than a day, or of a time that has not come") func freshness()
    async throws
  {
    try await withPlatform { platform in
      try await DashboardPage.with(platform) { page, browser in
        try await page.open()
        let states: [String] = try await browser.run(
          """
          return import("/dashboard/layers.js").then(({ layerState }) => {
            const hour = 3600 * 1000;
            const now = Date.now();
            const state = (...hours) => layerState({ checks: "network", components: [] }, hours.map((at, place) => ({
              id: `NET-${place}`, layer: "network", verdict: "PROVEN", at: new Date(now + at * hour).toISOString(),
            })), [], now).state;
            return [state(-1), state(-23), state(0.9), state(-25), state(1.1), state(48), state(-1, 48), state(-25, -1)];
          });
          """)
        #expect(states == ["good", "good", "good"] + [String](repeating: "none", count: 5))
      }
    }
  }

  @Test("is whole in every view, light and dark, from 360 to 1920 pixels, and asks nothing of another host")
  func looks() async throws {
    let views = [
      ("/", "Platform", "platform"), ("/agents", "Agents", "agents"), ("/agents/new", "New agent", "new-agent"),
      ("/agents/default/bot", "default/bot", "agent"), ("/denials", "Denials", "denials"),
      ("/alerts", "Alerts", "alerts"), ("/audit", "Audit log", "audit"), ("/audit/0", "Audit record 0", "record"),
      ("/verify", "Verification", "verify"), ("/soc2", "SOC 2", "soc2"),
    ]
    try await withPlatform { platform in
      try await platform.create("bot")
      _ = try await platform.exec("bot", "cat", "/etc/shadow")
      _ = try await platform.exec("bot", "nc", "-w", "1", "93.184.215.14", "8081")
      _ = try await platform.run("verify", "--only", "ADM-1,ADM-2", timeout: .seconds(120))
      try await DashboardPage.with(platform) { page, browser in
        try await browser.look("light", width: 1_440)
        try await page.open()
        try await browser.picture("login")
        try await page.logIn(as: "admin")
        for (scheme, width) in [("light", 1_440), ("dark", 1_440), ("light", 360), ("dark", 1_920)] {
          try await browser.look(scheme, width: width)
          for (place, heading, name) in views {
            try await page.go(place, heading: heading)
            try await browser.picture("\(name)-\(scheme)-\(width)")
            let wide: Int = try await browser.run("return document.documentElement.scrollWidth - innerWidth")
            #expect(wide <= 0, "\(place) is \(wide) pixels wider than \(width)")
            let nameless: [String] = try await browser.run(
              """
              return [...document.querySelectorAll("button, a, input, select, textarea")].filter((one) =>
                !one.closest("[hidden]") && !one.textContent.trim() && !one.getAttribute("aria-label") && !one.labels?.length)
                .map((one) => one.outerHTML);
              """)
            #expect(nameless == [], "\(place)")
          }
        }
        // Two proven checks of admission are not all: nothing is green without a quick or full run.
        try await page.go("/", heading: "Platform")
        #expect(try await browser.run("return document.querySelectorAll('.ring.good').length") == 0)
        #expect(try await page.violations() == [])
        let elsewhere: [String] = try await browser.run(
          "return performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(location.origin))"
        )
        #expect(elsewhere == [])
      }
    }
  }
}
