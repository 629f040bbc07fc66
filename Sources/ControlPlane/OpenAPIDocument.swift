/// The description of the API that is served; `api/openapi.json` holds the same bytes, and a test compares the two.
enum OpenAPIDocument {
  static let json = "{}"
}
