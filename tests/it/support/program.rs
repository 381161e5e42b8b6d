//! The program itself, run as a person runs it: in a folder, with an environment, until a signal.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use switchboard::sandbox::Credentials;

const LINE_DEADLINE: Duration = Duration::from_secs(60);

/// Where numbers point that the program buys.
pub(crate) const PUBLIC_URL: &str = "https://calls.example.com";

/// What a server over this database and this sandbox is told by its environment.
pub(crate) fn environment(database: &str, sandbox: &str) -> [(&'static str, String); 9] {
    let Credentials { account_sid, auth_token, api_key } = Credentials::development();
    [
        ("DATABASE_URL", database.to_owned()),
        ("DATABASE_MAX_CONNECTIONS", "4".to_owned()),
        ("WEBHOOK_BASE_URL", PUBLIC_URL.to_owned()),
        ("TWILIO_ACCOUNT_SID", account_sid),
        ("TWILIO_AUTH_TOKEN", auth_token),
        ("TWILIO_API_BASE_URL", sandbox.to_owned()),
        ("ELEVENLABS_API_KEY", api_key),
        ("ELEVENLABS_API_BASE_URL", sandbox.to_owned()),
        ("JWT_SECRET", "a-secret-of-the-tests-of-more-than-32-bytes".to_owned()),
    ]
}

/// The program in this folder, with nothing of our environment but what it takes to start.
pub(crate) fn switchboard(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    switchboard(folder, arguments).envs(environment.iter().copied()).output().unwrap()
}

/// Runs it to its end beside what this thread serves.
pub(crate) async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running program; killed when the test ends before it.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal();
        self.exit_code()
    }

    /// SIGTERM.
    pub(crate) fn signal(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// The exit code, once it has ended.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    /// SIGKILL. It may have ended already.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A run under way; killed when the test ends before it.
pub(crate) struct Started(Option<Child>);

impl Started {
    pub(crate) fn begin(mut command: Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// The first signal of two, and what it came to.
    pub(crate) async fn terminate(mut self) -> Output {
        let child = self.0.take().unwrap();
        let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.as_mut().unwrap().kill().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The lines a program prints, as they come.
pub(crate) fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // Read to the end even when the test has stopped listening: a full pipe would hold the program up.
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Reads lines up to and with the first that holds this text.
pub(crate) fn read_until(lines: &Receiver<String>, text: &str) -> Vec<String> {
    let mut read = Vec::new();
    loop {
        match lines.recv_timeout(LINE_DEADLINE) {
            Ok(line) => read.push(line),
            Err(error) => panic!("no line with {text:?} ({error}) after {read:#?}"),
        }
        if read.last().is_some_and(|line| line.contains(text)) {
            return read;
        }
    }
}
