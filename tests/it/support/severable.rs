//! A database that can be taken away: Postgres behind a line that is cut, or a file that another process does not let go.

use std::sync::Arc;

use sqlx::{Connection, SqliteConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to a database.
pub(crate) struct Severable {
    /// The database's address on this side.
    pub(crate) url: String,
    line: Line,
}

enum Line {
    /// Whether bytes pass.
    Postgres(Arc<watch::Sender<State>>),
    Sqlite(Option<SqliteConnection>),
}

/// What becomes of connections.
#[derive(Clone, Copy)]
struct State {
    passage: Passage,
    /// How often the line fell silent: whoever was connected by then stays so, and never passes anything again.
    silences: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    Open,
    /// They are closed.
    Cut,
    /// They stay open, and nothing passes.
    Silent,
}

impl Severable {
    /// Before the database of this address.
    pub(crate) async fn before(url: &str) -> Self {
        if !url.starts_with("postgres") {
            return Self { url: url.to_owned(), line: Line::Sqlite(None) };
        }
        let mut near = url::Url::parse(url).unwrap();
        let far = format!("{}:{}", near.host_str().unwrap(), near.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        near.set_host(Some("127.0.0.1")).unwrap();
        near.set_port(Some(address.port())).unwrap();
        let passes = Arc::new(watch::Sender::new(State { passage: Passage::Open, silences: 0 }));
        tokio::spawn(carry(listener, far, Arc::clone(&passes)));
        Self { url: near.into(), line: Line::Postgres(passes) }
    }

    /// Whether nothing at all can be asked of a database taken away; a file can still be read.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.line, Line::Postgres(_))
    }

    /// Takes the database away.
    pub(crate) async fn sever(&mut self) {
        match &mut self.line {
            Line::Postgres(passes) => passes.send_modify(|state| state.passage = Passage::Cut),
            Line::Sqlite(holder) => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.unwrap();
                *holder = Some(connection);
            }
        }
    }

    /// Takes Postgres away without a word: connections stay open.
    pub(crate) fn silence(&mut self) {
        let Line::Postgres(passes) = &self.line else { panic!("a file is never silent") };
        passes.send_modify(|state| {
            state.passage = Passage::Silent;
            state.silences += 1;
        });
    }

    /// Gives it back.
    pub(crate) async fn restore(&mut self) {
        match &mut self.line {
            Line::Postgres(passes) => passes.send_modify(|state| state.passage = Passage::Open),
            Line::Sqlite(holder) => holder.take().unwrap().close().await.unwrap(),
        }
    }
}

/// Carries every connection to the far end, until it is cut or falls silent.
async fn carry(listener: TcpListener, far: String, passes: Arc<watch::Sender<State>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (far, mut passing) = (far.clone(), passes.subscribe());
        tokio::spawn(async move {
            let begun = *passing.borrow_and_update();
            let mut carried = None;
            let is_silent = if begun.passage == Passage::Open {
                let far = carried.insert(TcpStream::connect(far).await.unwrap());
                let ends = |state: &State| state.passage == Passage::Cut || state.silences != begun.silences;
                tokio::select! {
                    _ended = tokio::io::copy_bidirectional(&mut near, far) => false,
                    fate = passing.wait_for(ends) => fate.is_ok_and(|fate| fate.silences != begun.silences),
                }
            } else {
                begun.passage == Passage::Silent
            };
            if is_silent {
                std::future::pending::<()>().await;
            }
        });
    }
}
