//! Closed sets of label values that no type of the domain lists.

/// Endpoint names of the carrier's client and the voice provider's client.
pub(super) fn endpoints() -> Vec<&'static str> {
    vec![
        "create_account",
        "list_accounts",
        "fetch_account",
        "search_numbers",
        "buy_number",
        "list_numbers",
        "fetch_number",
        "update_number",
        "release_number",
        "list_addresses",
        "create_address",
        "update_address",
        "fetch_call",
        "send_message",
        "list_messages",
        "fetch_message",
        "redact_message",
        "list_media",
        "fetch_media",
        "delete_media",
        "fetch_prices",
        "list_registrations",
        "check_portability",
        "upload_document",
        "request_port",
        "list_ports",
        "fetch_port",
        "cancel_port",
        "configure_ports",
        "create_agent",
        "list_agents",
        "fetch_agent",
        "update_agent",
        "delete_agent",
        "register_call",
        "fetch_conversation",
        "sign_conversation",
        "create_tool",
        "list_tools",
        "delete_tool",
        "open_conversation",
        "other",
    ]
}

/// Tables in which a single unreadable row is skipped.
pub(super) fn tables() -> Vec<&'static str> {
    vec![
        "agents",
        "audit_events",
        "call_group_members",
        "call_totals",
        "calls",
        "carrier_accounts",
        "kept_numbers",
        "message_media",
        "message_threads",
        "messages",
        "operations",
        "phone_numbers",
        "reconciliations",
        "tenants",
        "voice_events",
    ]
}

/// Kinds of drift, as in the GraphQL enum.
pub(super) fn differences() -> Vec<&'static str> {
    vec![
        "ORPHANED_NUMBER",
        "UNRECORDED_NUMBER",
        "FOREIGN_NUMBER",
        "MISSING_NUMBER",
        "REPLACED_NUMBER",
        "CONTESTED_NUMBER",
        "STALLED_RELEASE",
        "MISDIRECTED_NUMBER",
        "RECOVERED_NUMBER",
        "UNCHECKED_ACCOUNT",
        "ORPHANED_VOICE_AGENT",
        "FOREIGN_VOICE_AGENT",
        "MISSING_VOICE_AGENT",
        "ARCHIVED_VOICE_AGENT",
        "INCOMPLETE_VOICE_AGENT",
        "OTHER",
    ]
}
