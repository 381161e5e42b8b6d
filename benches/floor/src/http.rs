//! As much HTTP/1.1 as the load generator and the stub need: messages with a `Content-Length`, one after the other.
//!
//! Written by hand because both run on the machine that they measure: what they use, the server lacks.

use std::io;
use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest message that is read.
const MAX_BYTES: usize = 1 << 20;

/// A connection, and what was read from it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The length of the message that was returned last, at the start of the buffer.
    used: usize,
}

/// A request or a response.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// The request line or the status line.
    pub(crate) first_line: &'a [u8],
    /// The body.
    pub(crate) body: &'a [u8],
    /// Whether the sender closes the connection after it.
    pub(crate) closes: bool,
}

impl Connection {
    /// Takes over a connected socket.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024), used: 0 })
    }

    /// Sends a whole message.
    pub(crate) async fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message).await
    }

    /// Reads the next message; `None` when the other side closed the connection before it began.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Message<'_>>> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let head = loop {
            if let Some(head) = Head::find(&self.buffer)? {
                break head;
            }
            if !self.fill().await? {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        while self.buffer.len() < head.body.end {
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.used = head.body.end;
        let (first_line, body) = (&self.buffer[..head.first_line], &self.buffer[head.body]);
        Ok(Some(Message { first_line, body, closes: head.closes }))
    }

    async fn fill(&mut self) -> io::Result<bool> {
        if self.buffer.len() > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is longer than 1 MiB"));
        }
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

/// Where the parts of a message are.
#[derive(Debug)]
struct Head {
    first_line: usize,
    body: Range<usize>,
    closes: bool,
}

impl Head {
    /// Reads the head of the message at the start of the buffer; `None` while it is incomplete.
    fn find(buffer: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let mut lines = buffer[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first_line = lines.next().map_or(0, <[u8]>::len);
        let (mut length, mut closes) = (0, false);
        for line in lines {
            if let Some(value) = header(line, b"content-length:") {
                let odd = || io::Error::new(io::ErrorKind::InvalidData, "the Content-Length is not a number");
                length =
                    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(odd)?;
            } else if header(line, b"transfer-encoding:").is_some() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the body has no Content-Length"));
            } else if let Some(value) = header(line, b"connection:") {
                closes = value.eq_ignore_ascii_case(b"close");
            }
        }
        Ok(Some(Self { first_line, body: end + 4..end + 4 + length, closes }))
    }
}

/// The value of the line's header, if it has this name (in lower case, with its colon).
fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_where_the_body_is() {
        let message = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let head = Head::find(message).unwrap().unwrap();
        assert_eq!(
            (&message[..head.first_line], &message[head.body]),
            (&b"HTTP/1.1 200 OK"[..], &b"hello"[..])
        );
        assert!(head.closes);
        assert!(Head::find(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
        assert!(Head::find(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
