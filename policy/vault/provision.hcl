# What the secrets manager holds besides policies, which lie beside this file: engines, keys and roles, in OpenBao's
# form of declarative self-initialisation. OpenBao carries it out at its first start; Lobstack carries it out again at
# each start, where something is missing or differs, and 'lobstack vault status' tells what differs.
#
# "spiffe://lobstack.local/" stands for the trust domain in force.

initialize "engines" {
  request "secrets" {
    operation = "update"
    path      = "sys/mounts/secret"
    data = {
      type    = "kv"
      options = { version = "2" }
    }
  }

  request "transit" {
    operation = "update"
    path      = "sys/mounts/transit"
    data      = { type = "transit" }
  }

  # Otherwise to encrypt by a key that is not there makes one.
  request "transit-keys" {
    operation = "update"
    path      = "transit/config/keys"
    data      = { disable_upsert = true }
  }

  request "pki" {
    operation = "update"
    path      = "sys/mounts/pki"
    data = {
      type   = "pki"
      config = { max_lease_ttl = "87600h" }
    }
  }
}

initialize "keys" {
  # Wraps the data key of the control plane's store.
  request "agent-data" {
    operation = "update"
    path      = "transit/keys/agent-data"
    data = {
      type               = "aes256-gcm96"
      auto_rotate_period = "2160h"
    }
  }

  # Signs the checkpoints of the audit log.
  request "audit" {
    operation = "update"
    path      = "transit/keys/audit"
    data      = { type = "ed25519" }
  }
}

initialize "logins" {
  # Agents, by JWT-SVIDs of at most a minute. The keys that are believed are the control plane's to set.
  request "jwt" {
    operation = "update"
    path      = "sys/auth/jwt"
    data      = { type = "jwt" }
  }

  request "agent" {
    operation = "update"
    path      = "auth/jwt/role/agent"
    data = {
      role_type               = "jwt"
      user_claim              = "sub"
      bound_audiences         = ["openbao"]
      bound_claims_type       = "glob"
      bound_claims            = { sub = "spiffe://lobstack.local/ns/*/agent/*" }
      token_policies          = ["lobstack-agent"]
      token_no_default_policy = true
      token_ttl               = "1h"
      token_max_ttl           = "1h"
      # Without these a token counts for a minute longer than it says.
      clock_skew_leeway       = -1
      expiration_leeway       = -1
      not_before_leeway       = -1
    }
  }

  # The control plane, by tokens that it signs with the key in its own directory.
  request "platform" {
    operation = "update"
    path      = "sys/auth/platform"
    data      = { type = "jwt" }
  }

  request "control-plane" {
    operation = "update"
    path      = "auth/platform/role/control-plane"
    data = {
      role_type               = "jwt"
      user_claim              = "sub"
      bound_audiences         = ["openbao"]
      bound_subject           = "spiffe://lobstack.local/ns/system/control-plane"
      token_policies          = ["lobstack-control-plane"]
      token_no_default_policy = true
      token_ttl               = "1h"
      token_max_ttl           = "1h"
      clock_skew_leeway       = -1
      expiration_leeway       = -1
      not_before_leeway       = -1
    }
  }

  # Root of the machine, by a key that root alone reads.
  request "operators" {
    operation = "update"
    path      = "sys/auth/operator"
    data      = { type = "jwt" }
  }

  request "operator" {
    operation = "update"
    path      = "auth/operator/role/operator"
    data = {
      role_type               = "jwt"
      user_claim              = "sub"
      bound_audiences         = ["openbao"]
      bound_subject           = "spiffe://lobstack.local/ns/system/operator"
      token_policies          = ["lobstack-operator"]
      token_no_default_policy = true
      token_ttl               = "15m"
      token_max_ttl           = "15m"
      clock_skew_leeway       = -1
      expiration_leeway       = -1
      not_before_leeway       = -1
    }
  }
}
