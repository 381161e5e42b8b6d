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
    Postgres(Arc<watch::Sender<Passage>>),
    Sqlite(Option<SqliteConnection>),
}

/// What becomes of connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    Open,
    /// They are closed.
    Cut,
    /// They stay open, and nothing passes any more: whatever was connected by then never passes anything again.
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
        let passes = Arc::new(watch::Sender::new(Passage::Open));
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
            Line::Postgres(passes) => drop(passes.send_replace(Passage::Cut)),
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
        passes.send_replace(Passage::Silent);
    }

    /// Gives it back.
    pub(crate) async fn mend(&mut self) {
        match &mut self.line {
            Line::Postgres(passes) => drop(passes.send_replace(Passage::Open)),
            Line::Sqlite(holder) => holder.take().unwrap().close().await.unwrap(),
        }
    }
}

/// Carries every connection to the far end, until it is cut or falls silent.
async fn carry(listener: TcpListener, far: String, passes: Arc<watch::Sender<Passage>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (far, mut passing) = (far.clone(), passes.subscribe());
        tokio::spawn(async move {
            let open_or = *passing.borrow_and_update();
            let mut carried = None;
            let fate = if open_or == Passage::Open {
                let far = carried.insert(TcpStream::connect(far).await.unwrap());
                tokio::select! {
                    _ended = tokio::io::copy_bidirectional(&mut near, far) => Passage::Cut,
                    fate = passing.wait_for(|passage| *passage != Passage::Open) => {
                        fate.map_or(Passage::Cut, |fate| *fate)
                    }
                }
            } else {
                open_or
            };
            if fate == Passage::Silent {
                std::future::pending::<()>().await;
            }
        });
    }
}
