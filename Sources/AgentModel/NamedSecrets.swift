/// Secrets as documents list them: `- name: NAME`.
@propertyWrapper package struct NamedSecrets: Hashable, Sendable, Codable {
  package var wrappedValue: [SecretName]

  package init(wrappedValue: [SecretName]) { self.wrappedValue = wrappedValue }

  package init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode([Entry].self).map(\.name)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue.map(Entry.init))
  }

  private struct Entry: Codable {
    var name: SecretName

    init(name: SecretName) { self.name = name }

    init(from decoder: any Decoder) throws {
      do {
        name = try decoder.container(keyedBy: CodingKeys.self).decode(SecretName.self, forKey: .name)
      } catch DecodingError.typeMismatch {
        // A bare name, as stores of earlier versions have it.
        name = try decoder.singleValueContainer().decode(SecretName.self)
      }
    }
  }
}
