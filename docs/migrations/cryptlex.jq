# Licenses and users of Cryptlex' Web API as CSV; see cryptlex.md.
# Input: the pages of /v3/licenses, slurped.
def duration:
  if . == null or . == "" then null
  else (capture("^P(?<n>[0-9]+)(?<unit>[YMWD])$") // error("unknown interval: \(.)"))
    | .n + (.unit | ascii_downcase)
  end;
([
  "id", "key", "type", "productId", "allowedActivations", "allowedFloatingClients",
  "subscriptionInterval", "expiresAt", "suspended", "revoked", "allowVmActivation", "createdAt",
  "user.id", "user.email", "user.firstName", "user.lastName", "user.company",
  "license__enabled", "license__license_type", "license__valid_duration",
  "license__is_floating", "license__is_floating_cloud", "license__floating_users",
  "license__allow_unlimited_activations", "license__metadata"
]),
(.[][]
  | (if .expiresAt then null else (.subscriptionInterval | duration) end) as $duration
  | (.type == "on-premise-floating") as $on_premise
  | (.type == "hosted-floating") as $hosted
  | [
      .id, .key, .type, .productId, .allowedActivations, .allowedFloatingClients,
      .subscriptionInterval, .expiresAt, .suspended, .revoked, .allowVmActivation, .createdAt,
      .user.id, .user.email, .user.firstName, .user.lastName, .user.company,
      ((.suspended or .revoked) | not),
      (if .expiresAt or $duration then "time-limited" else "perpetual" end),
      $duration,
      $on_premise, $hosted,
      (if $on_premise then .allowedFloatingClients
       elif $hosted then .allowedActivations else null end),
      ($on_premise or .allowedActivations == null),
      (.metadata // [] | map({(.key): .value}) | add // {} | tojson)
    ])
| @csv
