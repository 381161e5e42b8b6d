//! Every variable, declared once: name, type, parser, default and description.
//!
//! All else follows from this table: the typed [`Config`](super::Config), `switchboard config`, the README's tables, `.env.example`, and
//! what `dev` reads. A declaration's doc comment is its description there, in Markdown.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::SecretString;
use url::Url;

use super::media_store::MediaStore;
use super::parse;
use super::variable::{Section, Typed, Variable};
use crate::domain::{Countries, StockWishes};

macro_rules! variables {
    ($($section:ident { $($(#[doc = $line:literal])+ $name:ident: $type:ty = $declaration:expr;)+ })+) => {
        $($(
            $(#[doc = $line])+
            pub(super) static $name: Typed<$type> = $declaration.declared(
                stringify!($name),
                Section::$section,
                concat!($($line),+),
                |text| ($name.parse)(text).map(drop),
            );
        )+)+

        /// Every variable, section by section.
        pub static VARIABLES: &[&Variable] = &[$($(&$name.variable),+),+];
    };
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

variables! {
    Database {
        /// The database: `postgres://…`, with [one host or several](#several-database-hosts). The login role must own the tables and be
        /// neither superuser nor `BYPASSRLS`: see [Deploying](#deploying). `sqlite://path` is accepted with a warning: there, only
        /// the queries keep tenants apart.
        DATABASE_URL: SecretString =
            Typed::required("postgres://switchboard:password@localhost/switchboard", parse::database_url).address();
        /// Address of the same database that bypasses a [connection pooler](#connection-poolers), for the one
        /// connection that listens for other servers' changes.
        DATABASE_LISTEN_URL: SecretString = Typed::optional(
            "`DATABASE_URL`", "postgres://switchboard:password@db.internal:5432/switchboard", parse::postgres_url,
        ).address();
        /// Maximum connections for API requests, 1 to 500. One tenant uses half of them at most. Webhooks and workers share a second pool of half that size; half of it is reserved for webhooks.
        DATABASE_MAX_CONNECTIONS: u32 = Typed::with_default("10", |text| parse::whole(text, 1..=500));
    }
    Server {
        /// Address and port to listen on.
        BIND_ADDRESS: SocketAddr = Typed::with_default("127.0.0.1:8000", parse::socket_address).dev();
        /// Public origin of this server: https, no path. Twilio calls it, and signs exactly this.
        WEBHOOK_BASE_URL: Url = Typed::required("https://calls.example.com", parse::service_origin).in_serve(parse::is_public);
        /// Previous origin. Signatures over it are accepted while numbers are [pointed to the new one](#change-the-public-address).
        WEBHOOK_BASE_URL_PREVIOUS: Url =
            Typed::optional("none", "https://calls.example.org", parse::service_origin).in_serve(parse::is_public);
        /// Folder for what must outlive the server while the database is unavailable. It holds callers' numbers, text messages and encrypted credentials.
        STATE_DIR: PathBuf = Typed::with_default(".switchboard", parse::path).example("/var/lib/switchboard");
        /// Maximum simultaneous connections, WebSockets included. Each takes a file descriptor.
        MAX_CONNECTIONS: u32 = Typed::with_default("10000", |text| parse::whole(text, 1..=u32::MAX));
        /// Maximum of these from one address (an IPv6 /64). 0: no limit, for a server behind a proxy, which all connections come from.
        MAX_CONNECTIONS_PER_ADDRESS: u32 = Typed::optional(
            "a quarter of `MAX_CONNECTIONS`; `0` with `TRUST_FORWARDED_FOR`", "2500", |text| parse::whole(text, 0..=u32::MAX),
        );
        /// Time a connection may be idle between two requests, 1 s to 1 h. It must exceed the idle timeout of the proxy in front (usually
        /// 60 s), or requests fail there with 502.
        IDLE_TIMEOUT: Duration = Typed::with_default("75s", |text| parse::duration(text, 1..=HOUR));
        /// Time a server goes on serving after SIGTERM while `/readyz` answers 503, so that the load balancer stops
        /// sending first. At most 60 s.
        DRAIN_DELAY: Duration = Typed::with_default("5s", |text| parse::duration(text, 0..=60)).dev_default("0s");
        /// Number of proxies in front that append the client's address to `X-Forwarded-For`. 0: the header is not read.
        TRUST_FORWARDED_FOR: u8 = Typed::with_default("0", |text| parse::whole(text, 0..=u8::MAX)).example("1").dev();
    }
    Twilio {
        /// Account SID: `AC` and 32 hexadecimal digits.
        TWILIO_ACCOUNT_SID: String = Typed::required("AC0123456789abcdef0123456789abcdef", parse::account_sid);
        /// Primary auth token: the password of requests and the key of webhook signatures.
        TWILIO_AUTH_TOKEN: SecretString =
            Typed::required("0123456789abcdef0123456789abcdef", |text| parse::secret(text, 16)).secret();
        /// Previous auth token, accepted for webhook signatures during rotation.
        TWILIO_AUTH_TOKEN_PREVIOUS: SecretString =
            Typed::optional("none", "fedcba9876543210fedcba9876543210", |text| parse::secret(text, 16)).secret();
        /// `shared`: numbers are bought in the account above. `subaccount`: each tenant gets a subaccount of it with its first number. Either way, a
        /// tenant can [connect an account of its own](docs/accounts.md).
        CARRIER_ACCOUNTS: bool =
            Typed::with_default("shared", |text| parse::one_of(text, &[("shared", false), ("subaccount", true)])).dev();
        /// Key that encrypts the credentials of tenants' accounts, and the data and the bill of a port until the carrier has them: 32 bytes in
        /// Base64, as `openssl rand -base64 32` prints. Required for `CARRIER_ACCOUNTS=subaccount` and for connecting accounts.
        ENCRYPTION_KEY: SecretString =
            Typed::optional("no tenant has an account of its own; ports are stored unencrypted", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", parse::encryption_key)
                .secret().dev();
        /// Previous key, during rotation: what is encrypted with it can still be read, and running servers encrypt tokens again with `ENCRYPTION_KEY`.
        ENCRYPTION_KEY_PREVIOUS: SecretString =
            Typed::optional("none", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=", parse::encryption_key)
                .secret().needs("ENCRYPTION_KEY").dev();
        /// Base URL of the API: another region, or the sandbox.
        TWILIO_API_BASE_URL: Url = Typed::with_default("https://api.twilio.com", parse::service_url);
        /// Monthly price of a number in US dollars, used while Twilio's price list cannot be read.
        TWILIO_NUMBER_PRICE: Decimal = Typed::optional("Twilio's public price", "1.15", parse::price);
        /// Price of an incoming call in US dollars per begun minute, used while Twilio's price list cannot be read.
        TWILIO_MINUTE_PRICE: Decimal = Typed::optional("Twilio's public price", "0.0085", parse::price);
        /// Price of a segment of a text message in US dollars, used while Twilio has not told a message's price.
        TWILIO_MESSAGE_PRICE: Decimal = Typed::optional("Twilio's public price", "0.0083", parse::price);
        /// URL that Twilio requests when this server does not answer. It may have a query.
        VOICE_FALLBACK_URL: Url =
            Typed::optional("a route of this server", "https://backup.example.com/busy.xml", parse::public_url).address();
    }
    ElevenLabs {
        /// API key of the workspace.
        ELEVENLABS_API_KEY: SecretString =
            Typed::required("sk_0123456789abcdef0123456789abcdef", |text| parse::secret(text, 16)).secret();
        /// Secret that signs ElevenLabs' webhooks. Without it their route does not exist.
        ELEVENLABS_WEBHOOK_SECRET: SecretString =
            Typed::optional("none", "wsec_0123456789abcdef0123456789abcdef", |text| parse::secret(text, 16)).secret();
        /// Previous secret, accepted during rotation.
        ELEVENLABS_WEBHOOK_SECRET_PREVIOUS: SecretString =
            Typed::optional("none", "wsec_fedcba9876543210fedcba9876543210", |text| parse::secret(text, 16))
                .secret().needs("ELEVENLABS_WEBHOOK_SECRET");
        /// Base URL of the API: another data residency, or the sandbox.
        ELEVENLABS_API_BASE_URL: Url = Typed::with_default("https://api.elevenlabs.io", parse::service_url);
    }
    Tokens {
        /// Key of HS256 tokens, at least 32 bytes: `openssl rand -base64 48` prints one.
        JWT_SECRET: SecretString =
            Typed::required("what `openssl rand -base64 48` prints", |text| parse::secret(text, 32))
                .unless("JWT_JWKS_URL").secret();
        /// JWK set with public keys: RSA (RS256 to RS512, PS256 to PS512), P-256 (ES256), P-384 (ES384), Ed25519 (EdDSA). Unusable keys are logged.
        JWT_JWKS_URL: Url =
            Typed::optional("none", "https://auth.example.com/.well-known/jwks.json", parse::document_url).address();
        /// Issuer that every token must name.
        JWT_ISSUER: String = Typed::optional("not checked", "https://auth.example.com", parse::text);
        /// Audience that every token must name.
        JWT_AUDIENCE: String = Typed::optional("not checked", "authenticated", parse::text);
        /// JSON pointer to the claim that identifies the tenant, for platforms where several people share one practice. A path that
        /// contains `user_metadata` is rejected, since users edit such claims.
        JWT_TENANT_CLAIM: String = Typed::with_default("/sub", parse::tenant_claim).example("/app_metadata/tenant");
        /// `true`: tokens with the claim `is_anonymous` (Supabase's anonymous sign-ins) are accepted.
        ALLOW_ANONYMOUS_TENANTS: bool = Typed::with_default("false", parse::true_or_false).example("true");
    }
    Operations {
        /// Time a mutation waits for its operation before it answers with the operation still running, up to 25 s: a mutation is cut off after 30 s.
        OPERATION_WAIT: Duration = Typed::with_default("10s", |text| parse::duration(text, 0..=25)).dev();
        /// Lease of an operation, 1 s to 10 min: the time until another server takes over the operation of one that died.
        OPERATION_LEASE: Duration = Typed::with_default("30s", |text| parse::duration(text, 1..=600)).dev();
        /// Deadline of one request to Twilio or ElevenLabs, 1 s to 1 min. The outcome of a request without an answer is looked up.
        // A purchase at Twilio can take several seconds, and giving up early leaves its outcome unknown.
        PROVIDER_TIMEOUT: Duration = Typed::with_default("15s", |text| parse::duration(text, 1..=60)).dev();
        /// Maximum purchases in any hour by all tenants together. 0: no purchases.
        PURCHASES_PER_HOUR: u32 = Typed::with_default("100", |text| parse::whole(text, 0..=u32::MAX)).dev();
        /// Maximum purchases in any hour by one tenant.
        TENANT_PURCHASES_PER_HOUR: u32 = Typed::with_default("25", |text| parse::whole(text, 0..=u32::MAX)).dev();
        /// Local numbers of the United States and Canada to [keep in stock](docs/operating.md#numbers-in-stock): up to 50 area codes, each with how many numbers to keep, at most 100.
        /// They are bought ahead, up to half of `PURCHASES_PER_HOUR`, so that an agent gets its number without a purchase.
        STOCK: StockWishes = Typed::optional("no stock", "212:5,415:3", parse::stock).dev();
        /// Maximum agents one tenant may create in any hour, deleted ones included.
        TENANT_AGENTS_PER_HOUR: u32 = Typed::with_default("100", |text| parse::whole(text, 0..=u32::MAX)).dev();
        /// Grace period of a release, up to 30 days: the time in which `cancelRelease` can undo it. The number answers until then.
        RELEASE_GRACE: Duration = Typed::with_default("0s", |text| parse::duration(text, 0..=30 * DAY)).example("24h").dev();
        /// Quarantine in days: a released number is not assigned to another tenant for so long, since its callers still dial it.
        QUARANTINE_DAYS: u16 = Typed::with_default("90", |text| parse::whole(text, 0..=u16::MAX)).dev();
        /// Interval of reconciliation, up to 7 days. One of the servers compares the providers' inventories with the database. `0s`: only on command.
        RECONCILE_EVERY: Duration = Typed::with_default("1h", |text| parse::duration(text, 0..=7 * DAY)).dev();
    }
    Calls {
        /// Deadline for answering an incoming call, 1 s to 12 s.
        // Twilio gives a webhook 15 s in all, the way there and back included.
        ANSWER_DEADLINE: Duration = Typed::with_default("5s", |text| parse::duration(text, 1..=12)).dev();
        /// Countries whose numbers may be [dialled](#which-numbers-are-dialled) as a fallback number or by a routing rule: ISO 3166-1 alpha-2 codes,
        /// separated by commas. `*`: all countries. The platform pays for these calls.
        DIAL_COUNTRIES: Option<Countries> = Typed::with_default("US,CA", parse::countries).example("US,CA,GB").dev();
        /// Days after its end until a call is deleted with its conversation. `usage` still counts it. 0: never.
        CALL_RETENTION_DAYS: u16 = Typed::with_default("0", |text| parse::whole(text, 0..=u16::MAX)).example("365").dev();
        /// Days until a text message is deleted, with its thread if that has no other. `usage` still counts it; consents stay. 0: never.
        MESSAGE_RETENTION_DAYS: u16 = Typed::with_default("0", |text| parse::whole(text, 0..=u16::MAX)).example("365").dev();
        /// `true`: three days after a text message, its body is deleted at Twilio. This server's copy stays.
        REDACT_AT_CARRIER: bool = Typed::with_default("false", parse::true_or_false).example("true").dev();
        /// `true`: transcripts are stored with their calls, for `calls { nodes { transcript { speaker text atSeconds } } }`. A conversation
        /// that belongs to no call is deleted after an hour. `false`: transcripts are never written down.
        STORE_TRANSCRIPTS: bool = Typed::with_default("false", parse::true_or_false).example("true").dev();
    }
    Messages {
        /// Where files of incoming messages are kept: `file:///path` or `s3://bucket/prefix`. Several servers must share it.
        MEDIA_STORE: MediaStore =
            Typed::optional("`STATE_DIR/media`", "s3://switchboard-media/production", parse::media_store);
        /// `true`: a file is deleted at Twilio once it is stored here.
        DELETE_MEDIA_AT_CARRIER: bool = Typed::with_default("false", parse::true_or_false).example("true").dev();
    }
    MediaStore {
        /// Region of the bucket.
        AWS_REGION: String = Typed::optional("`us-east-1`", "eu-central-1", parse::text);
        /// Access key. Without one, the role of the instance, container or service account is used.
        AWS_ACCESS_KEY_ID: SecretString =
            Typed::optional("the machine's role", "AKIAIOSFODNN7EXAMPLE", |text| parse::secret(text, 1)).secret();
        /// Its secret.
        AWS_SECRET_ACCESS_KEY: SecretString =
            Typed::optional("none", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", |text| parse::secret(text, 1))
                .secret().needs("AWS_ACCESS_KEY_ID");
        /// Session token of a temporary access key.
        AWS_SESSION_TOKEN: SecretString =
            Typed::optional("none", "IQoJb3JpZ2luX2VjEXAMPLE", |text| parse::secret(text, 1)).secret();
        /// Address of an S3-compatible store other than Amazon's: https, or http on this machine.
        AWS_ENDPOINT_URL: Url = Typed::optional("Amazon S3", "https://s3.example.com", parse::service_url).address();
        /// File with the token of a Kubernetes service account, set by EKS.
        AWS_WEB_IDENTITY_TOKEN_FILE: String =
            Typed::optional("none", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token", parse::text).secret();
        /// Role of that service account, set by EKS.
        AWS_ROLE_ARN: String = Typed::optional("none", "arn:aws:iam::123456789012:role/switchboard", parse::text);
        /// Where a container gets the credentials of its role, set by ECS.
        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: String =
            Typed::optional("none", "/v2/credentials/0123456789abcdef", parse::text);
        /// The same as a whole address, set by EKS Pod Identity.
        AWS_CONTAINER_CREDENTIALS_FULL_URI: String =
            Typed::optional("none", "http://169.254.170.23/v1/credentials", parse::text);
        /// File with the token for that address.
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: String =
            Typed::optional("none", "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token", parse::text).secret();
    }
    Api {
        /// Origins, separated by commas, whose pages may use the API from a browser, with any request headers and without cookies. This
        /// server's own origin is always allowed.
        ALLOWED_ORIGINS: Vec<String> = Typed::optional("none", "https://dashboard.example.com", parse::origins).dev();
        /// Requests per minute of one tenant, operator or agent at all servers together; as many may come at once. 0: no limit.
        RATE_LIMIT_PER_MINUTE: u32 = Typed::with_default("600", |text| parse::whole(text, 0..=u32::MAX)).dev();
        /// The same for requests without a valid token from one address. 0: no limit.
        RATE_LIMIT_ANONYMOUS_PER_MINUTE: u32 = Typed::with_default("60", |text| parse::whole(text, 0..=u32::MAX)).dev();
        /// `off`: introspection is disabled and errors suggest no names. `dev` always allows introspection.
        INTROSPECTION: bool = Typed::with_default("on", parse::on_or_off).example("off");
        /// `off`: `/graphql` serves no page to browsers.
        GRAPHIQL: bool = Typed::with_default("on", parse::on_or_off).example("off");
        /// `off`: the console at `/console` does not exist.
        CONSOLE: bool = Typed::with_default("on", parse::on_or_off).example("off").dev();
        /// URL to which the console sends people without a valid token. `{return_url}` in it becomes the percent-encoded address to come back to, with the
        /// token in the fragment: `#token=…`.
        CONSOLE_LOGIN_URL: String = Typed::optional(
            "the console asks for a token", "https://app.example.com/login?next={return_url}", parse::login_url,
        ).address().dev();
        /// Folder with the libraries of GraphiQL and the console, filled by `scripts/web-assets`. Without it browsers load the same files from a CDN, and check their
        /// integrity.
        WEB_ASSETS: PathBuf = Typed::optional("a CDN", "/usr/share/switchboard/web", parse::folder).dev();
        /// Deprecated, for folders of 0.1.0, which have GraphiQL's libraries alone: use `WEB_ASSETS`, which takes precedence.
        GRAPHIQL_ASSETS: PathBuf =
            Typed::optional("`WEB_ASSETS`", "/usr/share/switchboard/graphiql", parse::folder).dev();
    }
    Logs {
        /// `pretty`: lines for people. `json`: one object per line, for collectors.
        LOG_FORMAT: bool = Typed::with_default("pretty", |text| parse::one_of(text, &[("pretty", false), ("json", true)]))
            .example("json").dev();
        /// Log filter, in the syntax of `tracing_subscriber::EnvFilter`.
        RUST_LOG: String =
            Typed::with_default("info", parse::log_filter).example("info,switchboard=debug").dev().dev_default("warn");
    }
    Traces {
        /// Base URL of an OpenTelemetry collector that accepts OTLP over HTTP; `/v1/traces` is added. Without it, or the next, nothing is traced and
        /// the other `OTEL_…` variables are not read.
        OTEL_EXPORTER_OTLP_ENDPOINT: Url = Typed::optional("none", "http://localhost:4318", parse::collector).address().dev();
        /// Full URL for traces, in place of the former.
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Url =
            Typed::optional("none", "http://localhost:4318/v1/traces", parse::collector).address().dev();
        /// Headers of every export request: `name=value,name=value`, values percent-encoded.
        OTEL_EXPORTER_OTLP_HEADERS: Vec<(String, String)> =
            Typed::optional("none", "authorization=Bearer%20abc", parse::pairs).secret().dev();
        /// Headers for traces; each replaces one of the same name.
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: Vec<(String, String)> =
            Typed::optional("none", "authorization=Bearer%20abc", parse::pairs).secret().dev();
        /// Deadline of an export in milliseconds, 100 to 60000. Values outside are brought to the nearest limit.
        OTEL_EXPORTER_OTLP_TIMEOUT: u64 = Typed::with_default("10000", |text| parse::whole(text, 0..=u64::MAX)).dev();
        /// Protocol. `grpc` is rejected; with `http/protobuf`, JSON is sent to the same port.
        OTEL_EXPORTER_OTLP_PROTOCOL: () = Typed::with_default("http/json", parse::otlp_protocol).dev();
        /// The same, for traces.
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: () = Typed::optional("none", "http/json", parse::otlp_protocol).dev();
        /// Resource attribute `service.name`.
        OTEL_SERVICE_NAME: String = Typed::optional("`switchboard`", "switchboard-eu", parse::text).dev();
        /// Further resource attributes: `name=value,name=value`, values percent-encoded.
        OTEL_RESOURCE_ATTRIBUTES: Vec<(String, String)> =
            Typed::optional("none", "deployment.environment.name=production", parse::pairs).dev();
        /// Sampler: `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`, `always_on`, `always_off` or `traceidratio`.
        OTEL_TRACES_SAMPLER: (Option<f64>, bool) = Typed::with_default("parentbased_always_on", parse::sampler).dev();
        /// Share of traces for `traceidratio` and `parentbased_traceidratio`, from 0 to 1.
        OTEL_TRACES_SAMPLER_ARG: f64 = Typed::with_default("1", parse::share).example("0.1").dev();
        /// `true`: nothing is traced.
        OTEL_SDK_DISABLED: bool = Typed::with_default("false", parse::true_or_false).example("true").dev();
    }
}
