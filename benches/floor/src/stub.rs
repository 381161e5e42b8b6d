//! A voice provider that registers every call at once, with an answer of constant size.
//!
//! It stands for the provider in measurements of the server, so it does as little as possible: no router, no parsing
//! of the body. Every other request is answered 404.

use std::cell::Cell;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::http::Connection;
use crate::{Failure, REGISTER_PATH};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port to listen on, at 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let delay = Duration::from_millis(options.delay_ms);
    let calls = Rc::new(Cell::new(0));
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            loop {
                let (stream, _) = listener.accept().await?;
                let connection = Connection::new(stream)?;
                let calls = Rc::clone(&calls);
                // A connection that breaks concerns nobody but its client.
                spawn_local(async move { drop(answer(connection, delay, &calls).await) });
            }
        })
        .await
}

async fn answer(mut connection: Connection, delay: Duration, calls: &Cell<u64>) -> io::Result<()> {
    let register = format!("POST {REGISTER_PATH} ");
    while let Some(request) = connection.read().await? {
        let registers = request.first_line.starts_with(register.as_bytes());
        let closes = request.closes;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if registers {
            calls.set(calls.get() + 1);
            connection.write(&registered(calls.get())).await?;
        } else {
            connection.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await?;
        }
        if closes {
            break;
        }
    }
    Ok(())
}

/// The answer to the call of this number. Its size is the same for every call.
fn registered(call: u64) -> Vec<u8> {
    let twiml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>\
         <Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\">\
         <Parameter name=\"conversation_id\" value=\"conv_{call:026}\"/></Stream></Connect></Response>"
    );
    let length = twiml.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {length}\r\n\r\n{twiml}"
    )
    .into()
}
