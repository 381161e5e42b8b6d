//! Links to files of messages: for some minutes, whoever has a link may read the file, without a token. Browsers load images
//! without headers.
//!
//! A link names the tenant and the file. It is signed with a key that is derived from a secret all servers share, so that each
//! server accepts the links of the others. It grants nothing but reading this file through this tenant's own door.

use std::sync::Arc;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::{MediaId, TenantId};

/// Longest validity of a link.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Links end at multiples of this, in seconds: while a page is read again and again, its links stay the same, and browsers need not
/// load the files again.
const STEP: i64 = 5 * 60;
/// What the key is for. Another purpose would get another key.
const PURPOSE: &[u8] = b"switchboard: links to files of messages, version 1";

/// Signs links and verifies them. Cheap to clone.
#[derive(Clone)]
pub struct MediaLinks {
    base: Arc<Url>,
    /// The first signs; each verifies.
    keys: Arc<[Key]>,
}

impl std::fmt::Debug for MediaLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaLinks").finish_non_exhaustive()
    }
}

/// A file that a link grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantedMedia {
    /// The tenant that owns the file.
    pub tenant: TenantId,
    /// The end of the link.
    pub expires_at: DateTime<Utc>,
}

impl MediaLinks {
    /// Links under this server's public address. During a rotation of the secret the previous one still verifies.
    #[must_use]
    pub fn new(base: Url, secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| {
            let secret = Key::new(HMAC_SHA256, secret.expose_secret().as_bytes());
            Key::new(HMAC_SHA256, sign(&secret, PURPOSE).as_ref())
        };
        Self { base: Arc::new(base), keys: secrets.iter().map(key).collect() }
    }

    /// A link to a file, good for ten to fifteen minutes; `None` without a key.
    #[must_use]
    pub fn link(&self, tenant: TenantId, file: MediaId, now: DateTime<Utc>) -> Option<String> {
        let until = (now + LIFETIME).timestamp();
        let until = until - until.rem_euclid(STEP);
        let signature = sign(self.keys.first()?, message(tenant, file, until).as_bytes());
        let mut url = (*self.base).clone();
        url.set_path(&format!("/api/media/{file}"));
        url.query_pairs_mut()
            .append_pair("tenant", &tenant.0.to_string())
            .append_pair("expires", &until.to_string())
            .append_pair("signature", &URL_SAFE_NO_PAD.encode(signature));
        Some(url.into())
    }

    /// What the query of a link to this file grants; `None` if it is forged, incomplete or over.
    #[must_use]
    pub fn verify(&self, file: MediaId, query: &str, now: DateTime<Utc>) -> Option<GrantedMedia> {
        let parameter = |name: &str| {
            let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
            // Once: whoever reads the link must not be able to take another value for the signed one.
            values.next().filter(|_| values.next().is_none()).map(|(_, value)| value.into_owned())
        };
        let tenant = TenantId(parameter("tenant")?.parse().ok()?);
        let until: i64 = parameter("expires")?.parse().ok()?;
        let signature = URL_SAFE_NO_PAD.decode(parameter("signature")?).ok()?;
        let text = message(tenant, file, until);
        let is_ours = self.keys.iter().any(|key| verify(key, text.as_bytes(), &signature).is_ok());
        let expires_at = DateTime::from_timestamp(until, 0)?;
        (is_ours && now < expires_at).then_some(GrantedMedia { tenant, expires_at })
    }
}

/// What is signed. Ids have a fixed length, so that no two links have the same text.
fn message(tenant: TenantId, file: MediaId, until: i64) -> String {
    format!("{} {file} {until}", tenant.0)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn links(secrets: &[&str]) -> MediaLinks {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        MediaLinks::new("https://calls.example.com".parse().unwrap(), &secrets)
    }

    #[test]
    fn a_link_grants_one_file_of_one_tenant_until_its_end() {
        let (tenant, file) = (TenantId(Uuid::from_u128(1)), MediaId(Uuid::from_u128(2)));
        let now = DateTime::from_timestamp(1_800_000_123, 0).unwrap();
        let signer = links(&["secret"]);
        let link: Url = signer.link(tenant, file, now).unwrap().parse().unwrap();
        assert_eq!(link.path(), format!("/api/media/{file}"));
        let query = link.query().unwrap();
        let granted = signer.verify(file, query, now).unwrap();
        assert_eq!(granted.tenant, tenant);
        let lasts = granted.expires_at - now;
        assert!(lasts > TimeDelta::minutes(10) && lasts <= LIFETIME, "{lasts}");
        // A minute later the page has the same link.
        assert_eq!(signer.link(tenant, file, now + TimeDelta::minutes(1)).unwrap(), link.as_str());
        assert_eq!(signer.verify(file, query, granted.expires_at), None);
        assert_eq!(signer.verify(MediaId(Uuid::from_u128(3)), query, now), None);
        assert_eq!(links(&["another"]).verify(file, query, now), None);
        // A secret that is being replaced.
        assert!(links(&["another", "secret"]).verify(file, query, now).is_some());
        for (from, to) in [
            (tenant.0.to_string(), Uuid::from_u128(9).to_string()),
            ("expires=1".to_owned(), "expires=2".to_owned()),
            ("signature=".to_owned(), "signature=A".to_owned()),
            ("&signature=".to_owned(), "&expires=9999999999&signature=".to_owned()),
        ] {
            let forged = query.replacen(&from, &to, 1);
            assert_ne!(forged, query);
            assert_eq!(signer.verify(file, &forged, now), None, "{forged}");
        }
        for incomplete in ["", "tenant=1", "expires=&signature=&tenant=", "a=%ff"] {
            assert_eq!(signer.verify(file, incomplete, now), None, "{incomplete}");
        }
    }
}
