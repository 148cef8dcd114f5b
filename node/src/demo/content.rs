//! What the demonstration's shop is configured with: flags, limits, services, policies, as a real one would have them.

use driftless_statement::{Path, Value, json};

const ENTRIES: &[(&str, &str)] = &[
    (
        "shop/checkout/limits",
        r#"{"max_items": 50, "timeout_ms": 1200, "retries": 2, "currency": ["EUR", "USD", "JPY"]}"#,
    ),
    (
        "shop/checkout/flags/new-basket",
        r#"{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}"#,
    ),
    (
        "shop/checkout/flags/one-click",
        r#"{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}"#,
    ),
    (
        "shop/checkout/flags/gift-wrap",
        r#"{"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}"#,
    ),
    (
        "shop/search/ranking",
        r#"{"weights": {"price": 0.3, "rating": 0.5, "freshness": 0.2}, "boost": ["local", "in-stock"]}"#,
    ),
    ("shop/search/limits", r#"{"page_size": 24, "max_pages": 40, "timeout_ms": 250}"#),
    ("shop/payment/providers", r#"[{"name": "acme-pay", "weight": 70}, {"name": "paymore", "weight": 30}]"#),
    ("shop/payment/limits", r#"{"daily_eur": 5000, "single_eur": 1500.5, "three_ds_above_eur": 30}"#),
    ("shop/frontend/banner", r#"{"text": "Free shipping this week", "show": true, "until": "2026-12-01T00:00:00Z"}"#),
    ("shop/frontend/assets", r#"{"cdn": "assets.shop.example", "version": "2026.11.3"}"#),
    ("platform/gateway/routes/shop", r#"{"host": "shop.example", "upstream": "shop-web", "timeout_ms": 3000}"#),
    ("platform/gateway/routes/api", r#"{"host": "api.shop.example", "upstream": "shop-api", "timeout_ms": 1500}"#),
    ("platform/gateway/rate-limits", r#"{"default_rps": 50, "burst": 100, "per_key": {"partner-1": 500}}"#),
    ("platform/gateway/deny", r#"["203.0.113.0/24", "198.51.100.17/32"]"#),
    ("platform/services/shop-api", r#"{"replicas": 6, "cpu": "500m", "memory_mib": 768, "ports": [8080, 9090]}"#),
    ("platform/services/shop-web", r#"{"replicas": 4, "cpu": "250m", "memory_mib": 256, "ports": [8080]}"#),
    ("platform/services/search", r#"{"replicas": 3, "cpu": "2", "memory_mib": 8192, "ports": [7700]}"#),
    ("platform/logging/levels", r#"{"default": "info", "shop-api": "debug", "gateway": "warn"}"#),
    ("platform/policies/egress", r#"{"allow": ["*.shop.example", "api.acme-pay.example"], "default": "deny"}"#),
    ("platform/policies/retention", r#"{"orders_days": 3650, "logs_days": 30, "sessions_hours": 12}"#),
    ("platform/alerts/latency", r#"{"p99_ms": 400, "for": "5m", "page": true}"#),
    ("platform/alerts/errors", r#"{"ratio": 0.01, "for": "2m", "page": true}"#),
    ("platform/dns/ttl", r#"{"internal_s": 5, "external_s": 60}"#),
    ("platform/maintenance", r#"{"windows": [{"day": "sunday", "from": "02:00", "to": "04:00"}], "freeze": false}"#),
];

/// All entries, parsed.
pub fn entries() -> Result<Vec<(Path, Value)>, String> {
    let read = |(path, text): &(&str, &str)| {
        let path = Path::parse(path).map_err(|error| format!("{path}: {error}"))?;
        let value = json::parse(text.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
        Ok((path, value))
    };
    ENTRIES.iter().map(read).collect()
}
