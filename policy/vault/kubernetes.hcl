# The logins of a cluster, besides what provision.hcl says: service accounts, whose tokens OpenBao has the API server
# check at each login. 'lobstack render kubernetes' puts it into the first start of a cluster's OpenBao; on one machine
# nothing reads it.
#
# "@control-plane", "@agents" and "@vault" stand for the names of those namespaces.

initialize "kubernetes" {
  request "login" {
    operation = "update"
    path      = "sys/auth/kubernetes"
    data      = { type = "kubernetes" }
  }

  # By the token and the authority that every Pod has.
  request "server" {
    operation = "update"
    path      = "auth/kubernetes/config"
    data      = { kubernetes_host = "https://kubernetes.default.svc" }
  }

  # Agents, each by its own service account. Whose account it is says the entity that the operator makes for it
  # before the agent is, with the account's uid as its alias: an account without one may log in, and reads nothing.
  request "agent" {
    operation = "update"
    path      = "auth/kubernetes/role/agent"
    data = {
      bound_service_account_names      = ["*"]
      bound_service_account_namespaces = ["@agents", "@agents-*"]
      audience                         = "openbao"
      alias_name_source                = "serviceaccount_uid"
      token_policies                   = ["lobstack-agent"]
      token_no_default_policy          = true
      token_ttl                        = "1h"
      token_max_ttl                    = "1h"
    }
  }

  # What makes agents says which account is which agent, before anything of the agent is.
  request "identities" {
    operation = "update"
    path      = "auth/kubernetes/role/identities"
    data = {
      bound_service_account_names      = ["operator"]
      bound_service_account_namespaces = ["@control-plane"]
      audience                         = "openbao"
      alias_name_source                = "serviceaccount_uid"
      token_policies                   = ["lobstack-identities"]
      token_no_default_policy          = true
      token_ttl                        = "1h"
      token_max_ttl                    = "1h"
    }
  }

  # What serves the API.
  request "control-plane" {
    operation = "update"
    path      = "auth/kubernetes/role/control-plane"
    data = {
      bound_service_account_names      = ["control-plane"]
      bound_service_account_namespaces = ["@control-plane"]
      audience                         = "openbao"
      alias_name_source                = "serviceaccount_uid"
      token_policies                   = ["lobstack-control-plane"]
      token_no_default_policy          = true
      token_ttl                        = "1h"
      token_max_ttl                    = "1h"
    }
  }

  # People: no Pod has this account. Who may make tokens for it, may make one.
  request "operator" {
    operation = "update"
    path      = "auth/kubernetes/role/operator"
    data = {
      bound_service_account_names      = ["vault-operator"]
      bound_service_account_namespaces = ["@vault"]
      audience                         = "openbao"
      alias_name_source                = "serviceaccount_uid"
      token_policies                   = ["lobstack-operator"]
      token_no_default_policy          = true
      token_ttl                        = "15m"
      token_max_ttl                    = "15m"
    }
  }
}
