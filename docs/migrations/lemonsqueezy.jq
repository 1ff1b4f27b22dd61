# License keys of Lemon Squeezy's API as CSV; see lemonsqueezy.md.
# Input: the pages of /v1/license-keys, slurped.
([
  "id", "store_id", "customer_id", "order_id", "order_item_id", "product_id",
  "user_name", "user_email", "key", "activation_limit", "instances_count", "disabled", "status",
  "expires_at", "created_at", "updated_at", "test_mode",
  "license__license_type", "license__allow_unlimited_activations"
]),
(.[].data[]
  | .attributes as $license
  | [
      .id,
      ($license | .store_id, .customer_id, .order_id, .order_item_id, .product_id,
        .user_name, .user_email, .key, .activation_limit, .instances_count, .disabled, .status,
        .expires_at, .created_at, .updated_at, .test_mode),
      (if $license.expires_at then "time-limited" else "perpetual" end),
      $license.activation_limit == null
    ])
| @csv
