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
    Postgres(Arc<watch::Sender<bool>>),
    Sqlite(Option<SqliteConnection>),
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
        let passes = Arc::new(watch::Sender::new(true));
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
            Line::Postgres(passes) => drop(passes.send_replace(false)),
            Line::Sqlite(holder) => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.unwrap();
                *holder = Some(connection);
            }
        }
    }

    /// Gives it back.
    pub(crate) async fn mend(&mut self) {
        match &mut self.line {
            Line::Postgres(passes) => drop(passes.send_replace(true)),
            Line::Sqlite(holder) => holder.take().unwrap().close().await.unwrap(),
        }
    }
}

/// Carries every connection to the far end, until it is cut; while it is, new ones are closed at once.
async fn carry(listener: TcpListener, far: String, passes: Arc<watch::Sender<bool>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (far, mut passing) = (far.clone(), passes.subscribe());
        if !*passing.borrow_and_update() {
            continue;
        }
        tokio::spawn(async move {
            let mut far = TcpStream::connect(far).await.unwrap();
            tokio::select! {
                _ended = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _cut = passing.wait_for(|passes| !passes) => {}
            }
        });
    }
}
