//! A closed-loop load generator: each connection sends its next request when the last one is answered.
//!
//! It runs on one thread and speaks HTTP by hand, because it shares the machine with the server that it measures. Every
//! answer is checked: a fast error is no throughput.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use crate::http::Connection;
use crate::sign::Signer;
use crate::{FIRST_NUMBER, Failure, INCOMING_PATH, STATUS_PATH};

/// How long an answer may take before the connection is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause before a connection that failed is opened again.
const RECONNECT: Duration = Duration::from_millis(50);
/// How much of a body is searched for what it must hold: everything checked is near its start.
const SEARCHED: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Announces a call; the answer must connect it to an agent.
    Webhook,
    /// Announces a call with an invalid signature; the answer must be 403.
    Refused,
    /// Reports the end of a call that an earlier run announced.
    Status,
    /// Sends a GraphQL query; the answer must hold nodes.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The server's origin, such as http://127.0.0.1:8000.
    #[arg(long)]
    url: String,
    /// What is sent.
    #[arg(long)]
    kind: Kind,
    /// The path to send to, instead of the kind's own.
    #[arg(long)]
    path: Option<String>,
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// For how long requests are begun.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// At most so many requests.
    #[arg(long, default_value_t = u64::MAX)]
    limit: u64,
    /// Tells the calls of one run from those of others; a status run reports those of the webhook run of the same name.
    #[arg(long, default_value_t = 1)]
    run: u64,
    /// The key of webhook signatures.
    #[arg(long, default_value = "")]
    auth_token: String,
    /// The carrier account that calls come from.
    #[arg(long, default_value = "AC00000000000000000000000000000001")]
    account: String,
    /// The origin that signatures are over.
    #[arg(long, default_value = "https://calls.example.com")]
    base_url: String,
    /// The first number called, without its plus sign.
    #[arg(long, default_value_t = FIRST_NUMBER)]
    first_number: u64,
    /// So many consecutive numbers are called.
    #[arg(long, default_value_t = 1_000)]
    numbers: u64,
    /// Also reports the end of each call, after its latency was taken.
    #[arg(long)]
    end_calls: bool,
    /// The bearer token of GraphQL requests.
    #[arg(long, default_value = "")]
    token: String,
    /// The GraphQL document.
    #[arg(long, default_value = "{ phoneNumbers(first: 20) { nodes { number status agent { name } } } }")]
    query: String,
}

/// What came back.
#[derive(Debug, Default)]
struct Tally {
    begun: u64,
    /// Microseconds that each correct answer took.
    took: Vec<u32>,
    /// Answers by status; what was wrong in any other way has a name of its own.
    answers: BTreeMap<String, u64>,
    errors: u64,
}

impl Tally {
    fn count(&mut self, answer: String, correct: bool, took: Duration) {
        *self.answers.entry(answer).or_default() += 1;
        if correct {
            self.took.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        } else {
            self.errors += 1;
        }
    }

    /// Milliseconds within which this part of the correct answers came. Sorted before.
    fn quantile(&self, part: f64) -> f64 {
        let last = self.took.len().saturating_sub(1);
        let at = ((self.took.len() as f64 * part) as usize).min(last);
        f64::from(self.took.get(at).copied().unwrap_or(0)) / 1000.0
    }
}

#[expect(clippy::print_stdout, reason = "the measurement is this command's output")]
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let address = options.url.strip_prefix("http://").ok_or("the address begins with http://")?;
    let address: SocketAddr = address.trim_end_matches('/').parse()?;
    let tally = Rc::new(RefCell::new(Tally::default()));
    let requests = Rc::new(Requests::new(&options));
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs_f64(options.seconds);
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            let tasks: Vec<_> = (0..options.connections)
                .map(|_| {
                    let (tally, requests) = (Rc::clone(&tally), Rc::clone(&requests));
                    spawn_local(
                        async move { drive(address, &requests, &tally, deadline, options.limit).await },
                    )
                })
                .collect();
            for task in tasks {
                task.await?;
            }
            Ok::<(), Failure>(())
        })
        .await?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut tally = tally.borrow_mut();
    tally.took.sort_unstable();
    let correct = tally.took.len();
    let line = json!({
        "requests": correct as u64 + tally.errors,
        "errors": tally.errors,
        "seconds": seconds,
        "per_second": correct as f64 / seconds,
        "p50_ms": tally.quantile(0.5),
        "p99_ms": tally.quantile(0.99),
        "max_ms": tally.quantile(1.0),
        "answers": tally.answers,
    });
    println!("{line}");
    Ok(())
}

/// One connection's requests, one after the other.
async fn drive(
    address: SocketAddr,
    requests: &Requests,
    tally: &RefCell<Tally>,
    deadline: Instant,
    limit: u64,
) {
    let (mut connection, mut request) = (None, Request::default());
    while Instant::now() < deadline {
        let call = {
            let mut tally = tally.borrow_mut();
            if tally.begun >= limit {
                break;
            }
            tally.begun += 1;
            tally.begun - 1
        };
        requests.write(call, &mut request);
        let begun = Instant::now();
        let answer = timeout(PATIENCE, exchange(address, &mut connection, requests, &request)).await;
        let took = begun.elapsed();
        let (name, correct) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => (error.kind().to_string(), false),
            Err(_) => ("timeout".to_owned(), false),
        };
        let broken = !name.starts_with(|c: char| c.is_ascii_digit());
        tally.borrow_mut().count(name, correct, took);
        if broken {
            connection = None;
            sleep(RECONNECT).await;
        } else if correct && requests.ends_calls {
            requests.write_end(call, &mut request);
            let ended = timeout(PATIENCE, exchange(address, &mut connection, requests, &request)).await;
            if !matches!(ended, Ok(Ok((_, true)))) {
                tally.borrow_mut().count("status callback".to_owned(), false, Duration::ZERO);
                connection = None;
            }
        }
    }
}

/// Sends a request and reads its answer: its name for the tally, and whether it is correct.
async fn exchange(
    address: SocketAddr,
    connection: &mut Option<Connection>,
    requests: &Requests,
    request: &Request,
) -> io::Result<(String, bool)> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::new(TcpStream::connect(address).await?)?),
    };
    open.write(&request.message).await?;
    let answer = open.read().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = answer.first_line.get(9..12).unwrap_or(b"???");
    let mut name = String::from_utf8_lossy(status).into_owned();
    let start = &answer.body[..answer.body.len().min(SEARCHED)];
    let holds =
        request.holds.is_empty() || start.windows(request.holds.len()).any(|part| part == request.holds);
    let correct = status == requests.status && holds;
    if status == requests.status && !holds {
        name.push_str(" with another body");
    }
    if answer.closes {
        *connection = None;
    }
    Ok((name, correct))
}

/// A request as it goes over the wire.
#[derive(Debug, Default)]
struct Request {
    message: Vec<u8>,
    /// What the answer's body must hold.
    holds: &'static [u8],
    /// Kept between requests for their memory.
    body: String,
    signed: String,
}

/// Makes requests.
#[derive(Debug)]
struct Requests {
    kind: Kind,
    path: String,
    host: String,
    base_url: String,
    account: String,
    signer: Signer,
    run: u64,
    first_number: u64,
    numbers: u64,
    ends_calls: bool,
    /// What every GraphQL request is.
    list: Vec<u8>,
    /// The status of a correct answer.
    status: &'static [u8],
}

impl Requests {
    fn new(options: &Options) -> Self {
        let own_path = match options.kind {
            Kind::Webhook | Kind::Refused => INCOMING_PATH,
            Kind::Status => STATUS_PATH,
            Kind::List => "/graphql",
        };
        let path = options.path.clone().unwrap_or_else(|| own_path.to_owned());
        let host = options.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let document = json!({ "query": options.query }).to_string();
        let list = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\naccept: application/json\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{document}",
            options.token,
            document.len()
        );
        Self {
            kind: options.kind,
            path,
            host,
            base_url: options.base_url.clone(),
            account: options.account.clone(),
            signer: Signer::new(&options.auth_token),
            run: options.run,
            first_number: options.first_number,
            numbers: options.numbers.max(1),
            ends_calls: options.end_calls,
            list: list.into(),
            status: if options.kind == Kind::Refused { b"403" } else { b"200" },
        }
    }

    /// The request that begins the call of this number, or reports its end.
    fn write(&self, call: u64, request: &mut Request) {
        match self.kind {
            Kind::Webhook => self.write_form(&self.path, call, true, true, request),
            Kind::Refused => self.write_form(&self.path, call, true, false, request),
            Kind::Status => self.write_form(&self.path, call, false, true, request),
            Kind::List => {
                request.message.clone_from(&self.list);
                request.holds = b"\"nodes\":[{";
            }
        }
    }

    /// The report of the end of a call.
    fn write_end(&self, call: u64, request: &mut Request) {
        self.write_form(STATUS_PATH, call, false, true, request);
    }

    /// A form as Twilio sends it, signed. Its parameters are in the order in which they are signed.
    fn write_form(&self, path: &str, call: u64, begins: bool, signed: bool, request: &mut Request) {
        request.body.clear();
        request.signed.clear();
        request.signed.push_str(&self.base_url);
        request.signed.push_str(path);
        let sid = format!("CA{:016x}{call:016x}", self.run);
        // Any two calls in a row are of different tenants and in different parts of the index.
        let number = self.first_number + (call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) % self.numbers;
        let (from, to) = (format!("+1305555{:04}", call % 10_000), format!("+{number}"));
        let parameters: &[(&str, &str)] = if begins {
            &[
                ("AccountSid", &self.account),
                ("ApiVersion", "2010-04-01"),
                ("CallSid", &sid),
                ("CallStatus", "ringing"),
                ("CallToken", "%7B%22parentCallInfoToken%22%3A%22eyJhbGciOiJFUzI1NiJ9%22%7D"),
                ("Called", &to),
                ("CalledCity", "NEW YORK"),
                ("CalledCountry", "US"),
                ("CalledState", "NY"),
                ("CalledZip", "10001"),
                ("Caller", &from),
                ("CallerCity", "MIAMI"),
                ("CallerCountry", "US"),
                ("CallerState", "FL"),
                ("CallerZip", "33101"),
                ("Direction", "inbound"),
                ("From", &from),
                ("FromCity", "MIAMI"),
                ("FromCountry", "US"),
                ("FromState", "FL"),
                ("FromZip", "33101"),
                ("StirVerstat", "TN-Validation-Passed-A"),
                ("To", &to),
                ("ToCity", "NEW YORK"),
                ("ToCountry", "US"),
                ("ToState", "NY"),
                ("ToZip", "10001"),
            ]
        } else {
            &[
                ("AccountSid", &self.account),
                ("ApiVersion", "2010-04-01"),
                ("CallDuration", "30"),
                ("CallSid", &sid),
                ("CallStatus", "completed"),
                ("CallbackSource", "call-progress-events"),
                ("Called", &to),
                ("Caller", &from),
                ("Direction", "inbound"),
                ("Duration", "1"),
                ("From", &from),
                ("SequenceNumber", "0"),
                ("To", &to),
            ]
        };
        let mut form = form_urlencoded::Serializer::new(&mut request.body);
        for (name, value) in parameters {
            form.append_pair(name, value);
            request.signed.push_str(name);
            request.signed.push_str(value);
        }
        let signature = if signed {
            self.signer.sign(&request.signed)
        } else {
            "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()
        };
        let (host, length) = (&self.host, request.body.len());
        request.message.clear();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: TwilioProxy/1.1\r\naccept: */*\r\n\
             content-type: application/x-www-form-urlencoded; charset=UTF-8\r\nx-twilio-signature: {signature}\r\n\
             content-length: {length}\r\n\r\n"
        );
        request.message.extend_from_slice(head.as_bytes());
        request.message.extend_from_slice(request.body.as_bytes());
        request.holds = match (begins, signed) {
            (true, true) => b"<Connect",
            (true, false) => b"",
            (false, _) => b"<Response",
        };
    }
}
