import JSONValues

/// Keeps an injected credential out of a host's answers: a script in the cluster of that host, between the filter that
/// adds the credential and the connection. It sees the request with its credential and every byte that comes back.
///
/// - Header values and names that hold the credential are removed; in the body each occurrence becomes as many `*`,
///   so that lengths stay true.
/// - Nothing waits: of a chunk only an end that may be the beginning of the credential is held back until more comes.
/// - An answer in a coding that it cannot read (the host was asked for none) becomes a 502, and so does every answer
///   when the script fails: a script's error by itself would let the answer pass.
/// - The credential stays in metadata of the one request, which no log writes.
///
/// HTTP/1.1 to the host is a condition: Envoy ignores its trailers, while those of HTTP/2 would end the body after the
/// last chunk was sent, and what is held back would be lost.
///
/// Measured beside the same cluster without it: 0.05 ms and 50 µs of CPU for a short request, 0.5 ms of CPU for a
/// megabyte.
enum Redaction {
  /// - Parameters:
  ///   - header: The request header with the credential, in lower case.
  ///   - prefix: What stands before the credential in that header.
  ///   - file: Where the credential is when no filter before this one adds it.
  static func filter(header: String, prefix: String, file: String? = nil) -> JSON {
    let reading = file.map { "\nlocal path = \(quoted($0))\n\(Self.reading)" } ?? ""
    let script = "local header, prefix = \(quoted(header)), \(quoted(prefix))\n\(script)\(reading)"
    return .extension(
      "envoy.filters.http.lua",
      .typed("envoy.extensions.filters.http.lua.v3.Lua", ["default_source_code": ["inline_string": .string(script)]]))
  }

  /// A Lua string: every byte that is neither letter nor digit as a decimal escape.
  static func quoted(_ text: String) -> String {
    let bytes = text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        String(UnicodeScalar(byte))
      default:
        "\\" + String(repeating: "0", count: 3 - "\(byte)".utf8.count) + "\(byte)"
      }
    }
    return "\"\(bytes.joined())\""
  }

  /// Reads the credential anew for each request: Envoy itself does not see that a volume of Kubernetes has changed a
  /// generic secret's file. What is not as `ProxySecret` has it is refused: a line's end would begin another header.
  private static let reading = #"""
    local search = envoy_on_request
    function envoy_on_request(handle)
      local file = io.open(path, "rb")
      local value = file and file:read(8193) or ""
      if file then file:close() end
      if value == "" or #value > 8192 or string.find(value, "[^\32-\126]") or string.find(value, "^ ")
        or string.find(value, " $") then
        handle:respond({[":status"] = "401"}, "")
        return
      end
      handle:headers():replace(header, prefix .. value)
      search(handle)
    end
    """#

  private static let script = #"""
    local slot = "lobstack.redaction"
    local refusal = '{"error":{"reason":"the answer cannot be searched for the credential","status":502}}'

    local function masked(text, secret)
      local first, last = string.find(text, secret, 1, true)
      if not first then return text end
      local parts, from, mask = {}, 1, string.rep("*", #secret)
      while first do
        parts[#parts + 1] = string.sub(text, from, first - 1)
        parts[#parts + 1] = mask
        from = last + 1
        first, last = string.find(text, secret, from, true)
      end
      parts[#parts + 1] = string.sub(text, from)
      return table.concat(parts)
    end

    -- How many bytes at the end of the text are the beginning of the secret.
    local function begun(text, secret)
      local from, start = math.max(1, #text - #secret + 2), string.sub(secret, 1, 1)
      while true do
        from = string.find(text, start, from, true)
        if not from then return 0 end
        local tail = string.sub(text, from)
        if tail == string.sub(secret, 1, #tail) then return #tail end
        from = from + 1
      end
    end

    local function opened(handle)
      local headers = handle:headers()
      local secret = handle:streamInfo():dynamicMetadata():get(slot).value
      local named, lower = {}, string.lower(secret)
      for name, value in pairs(headers) do
        if string.find(string.lower(value), lower, 1, true) or string.find(name, lower, 1, true) then
          named[name] = true
        end
      end
      for name in pairs(named) do headers:remove(name) end
      local coding = headers:get("content-encoding")
      if coding and coding ~= "identity" then return nil end
      return secret
    end

    local function passed(chunk, rest, secret)
      local text = masked(rest .. chunk:getBytes(0, chunk:length()), secret)
      local count = begun(text, secret)
      chunk:setBytes(string.sub(text, 1, #text - count))
      return string.sub(text, #text - count + 1)
    end

    local function refuse(handle)
      local headers, text, names = handle:headers(), refusal, {}
      -- Whatever went wrong, no header of the host's gets past.
      for name in pairs(headers) do
        if string.sub(name, 1, 1) ~= ":" then names[name] = true end
      end
      for name in pairs(names) do headers:remove(name) end
      headers:replace(":status", "502")
      headers:replace("content-type", "application/json")
      for chunk in handle:bodyChunks() do
        chunk:setBytes(text)
        text = ""
      end
    end

    function envoy_on_request(handle)
      local value = handle:headers():get(header)
      if not value or #value <= #prefix or string.sub(value, 1, #prefix) ~= prefix then
        handle:respond({[":status"] = "401"}, "")
        return
      end
      handle:streamInfo():dynamicMetadata():set(slot, "value", string.sub(value, #prefix + 1))
    end

    function envoy_on_response(handle)
      local good, secret = pcall(opened, handle)
      if not good or not secret then return refuse(handle) end
      local rest, last = "", nil
      for chunk in handle:bodyChunks() do
        last = chunk
        if chunk:length() > 0 then
          local read, held = pcall(passed, chunk, rest, secret)
          if not read then chunk:setBytes("") end
          rest = read and held or ""
        end
      end
      if rest ~= "" then last:setBytes(last:getBytes(0, last:length()) .. rest) end
    end
    """#
}
