//! Types for operators, about all tenants and the server itself.

mod health;
mod tenant;

pub(crate) use health::Health;
pub(crate) use tenant::{Tenant, TenantFilter};
